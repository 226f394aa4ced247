# SPDX-License-Identifier: Apache-2.0
"""The command line: options, the environment, help, failures and the end."""

import importlib.metadata
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest
from scripted_server import ScriptedServer, answers, reset, says, silence

from voltclient import commands, shell

ROOT = pathlib.Path(__file__).parents[3]
VOLT = [sys.executable, "-m", "voltclient.shell"]
COMMANDS = [*commands.TABLE, "complete"]


@pytest.fixture
def play():
    servers = []

    def make(*acts):
        servers.append(ScriptedServer(*acts))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def token_file(tmp_path):
    (tmp_path / "token").write_text("of-a-file\n")
    return str(tmp_path / "token")


def shown_token(stub):
    return stub.requests[-1][1].get("X-Auth-Token")


def test_the_command_is_installed():
    (found,) = importlib.metadata.entry_points(
        group="console_scripts", name="volt"
    )
    assert found.load() is shell.main


def test_each_command_is_there():
    for name in commands.TABLE:
        factory, found, rest = commands.Commands().find_command(name.split())
        assert (found, rest) == (name, [])
        assert factory.__doc__


def test_help_names_every_command_option_variable_and_status(volt):
    done = volt("--help")
    assert (done.status, done.err) == (0, "")
    for word in (
        *COMMANDS,
        "--url --os-volt-url --token-file --os-cacert --os-cert --cert-file "
        "--os-key --key-file --insecure --timeout --debug --version "
        "VOLT_URL OS_VOLT_URL VOLT_TOKEN VOLT_TOKEN_FILE OS_TOKEN "
        "OS_AUTH_TOKEN OS_CACERT OS_CERT OS_KEY VOLT_TIMEOUT "
        "VOLTCLIENT_DEBUG 141 130 exit examples",
    ):
        for part in [word] if word in COMMANDS else word.split():
            assert part in done.out
    assert max(map(len, done.out.splitlines())) < 90


@pytest.mark.parametrize("name", commands.TABLE)
def test_each_command_has_a_help_with_examples(volt, name):
    done = volt(*name.split(), "--help")
    assert (done.status, done.err) == (0, "")
    assert f"usage: volt {name} " in done.out
    assert f"\n  volt {name}" in done.out.partition("examples:")[2]
    assert volt("help", *name.split()).out == done.out


def test_a_list_s_help_names_its_columns(volt):
    assert (
        "columns: host, age, due, peers\n"
        in volt("member", "list", "--help").out
    )


def test_the_version(volt):
    version = importlib.metadata.version("vmthunder")
    assert volt("--version").out.endswith(f" {version}\n")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("", "name a command; 'volt --help' lists them"),
        ("nosuch", "there is no command 'nosuch'; 'volt --help'"),
        ("volume", "volume delete or volume list or volume show?"),
        ("volume lits", "did you mean volume list"),
        ("nosuch --help", "there is no command 'nosuch'"),
        ("tree", "required: IMAGE"),
        ("tree v --depth 0", "give 1 or more"),
        ("tree v --depth x", "give 1 or more"),
        ("tree v --dep 1", "unrecognized arguments: --dep 1"),
        ("volume list -f xml", "invalid choice: 'xml'"),
        ("--timeout 0 volume list", "'0': give seconds, more than 0"),
        ("--timeout nan volume list", "give seconds"),
        ("volume list --os-auth-token x", "unrecognized arguments"),
    ],
)
def test_a_wrong_command_line(volt, stub, args, told):
    done = volt(*args.split())
    assert (done.status, done.out) == (2, "")
    assert told in done.err
    assert stub.requests == []


def test_options_may_stand_before_and_after_the_command(volt, stub):
    stub.answer("GET /v1/volumes", [])
    for args in (
        ["--url", stub.endpoint, "volume", "list"],
        ["volume", "list", "--os-volt-url", stub.endpoint],
        ["vol", "li", "--timeout", "5"],
    ):
        assert volt(*args).status == 0
    assert len(stub.requests) == 3


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({}, None),
        ({"OS_AUTH_TOKEN": "a"}, "a"),
        ({"OS_AUTH_TOKEN": "a", "OS_TOKEN": "b"}, "b"),
        ({"OS_TOKEN": "b", "VOLT_TOKEN_FILE": "FILE"}, "of-a-file"),
        ({"VOLT_TOKEN_FILE": "FILE", "VOLT_TOKEN": "c"}, "c"),
        ({"VOLT_TOKEN": ""}, None),
    ],
)
def test_the_token_comes_from_the_environment(
    volt, stub, token_file, environ, token
):
    stub.answer("GET /v1/volumes", [])
    environ = {
        name: token_file if environ[name] == "FILE" else environ[name]
        for name in environ
    }
    assert volt("volume", "list", **environ).status == 0
    assert shown_token(stub) == token


def test_an_option_wins_over_the_environment(volt, stub, token_file):
    stub.answer("GET /v1/volumes", [])
    volt("volume", "list", "--token-file", token_file, VOLT_TOKEN="c")
    assert shown_token(stub) == "of-a-file"
    done = volt("volume", "list", "--url", stub.endpoint, VOLT_URL="x")
    assert done.status == 0


def test_ours_wins_over_what_all_clients_share(volt, stub):
    stub.answer("GET /v1/volumes", [])
    assert volt("volume", "list", OS_VOLT_URL="x").status == 0
    assert volt("volume", "list", VOLT_URL="", OS_VOLT_URL="x").status == 2


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (
            {"VOLT_URL": "192.168.137.101"},
            "'192.168.137.101' is not an endpoint",
        ),
        ({"VOLT_URL": "http://[::1"}, "is not an endpoint"),
        ({"VOLT_URL": "http://h:99999"}, "is not an endpoint"),
        ({"VOLT_TIMEOUT": "soon"}, "VOLT_TIMEOUT=soon: give seconds"),
        ({"OS_INSECURE": "maybe"}, "OS_INSECURE=maybe: say 1 or 0"),
        ({"VOLT_TOKEN_FILE": "/none"}, "token file /none: No such file"),
        ({"VOLT_TOKEN_FILE": "/dev/null"}, "token file /dev/null is empty"),
        ({"VOLT_TOKEN_FILE": "/"}, "token file /: Is a directory"),
        ({"VOLT_TOKEN": "a\nb"}, "the token has characters"),
        (
            {"VOLT_URL": "https://127.0.0.1:1", "OS_CACERT": "/none"},
            "/none: No such file",
        ),
        (
            {"VOLT_URL": "https://127.0.0.1:1", "OS_CERT": "/none"},
            "/none: No such file",
        ),
    ],
)
def test_a_wrong_environment_is_told_in_a_line(volt, environ, told):
    done = volt("volume", "list", **environ)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("volt: ")
    assert told in done.err
    assert done.err.count("\n") == 1


def test_a_token_that_cannot_be_sent_is_not_told(volt):
    assert "secret" not in volt("volume", "list", VOLT_TOKEN="secret\n1").err


def test_nobody_there(volt):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        done = volt("volume", "list", VOLT_URL=url)
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        f"volt: volt at {url} does not answer: Connection refused; is "
        f"volt-api running there? name another by --url or VOLT_URL\n"
    )


def test_a_host_that_is_unknown(volt):
    done = volt("volume", "list", VOLT_URL="http://nosuch.invalid:7447")
    assert done.status == 3
    assert "its host name is unknown" in done.err


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (silence, "timed out"),
        (reset, "broke the connection: Connection reset"),
        (says(b"SSH-2.0-x\r\n"), "is this volt-api"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n<"), "not JSON"),
        (answers({"a": 1}), "protocol"),
        (answers(status="502 Bad Gateway"), "HTTPBadGateway (HTTP 502)"),
        (answers(status="503 No", Retry_After=120), "try again in 120 s"),
    ],
)
def test_volt_could_not_be_asked(volt, play, act, told):
    server = play(act, act, act)
    done = volt("volume", "list", "--timeout", "1", VOLT_URL=server.endpoint)
    assert (done.status, done.out) == (3, "")
    assert told in done.err
    assert done.err.count("\n") == 1


def test_a_missing_token_is_told_with_the_ways_to_give_it(volt, stub):
    error = {"code": "unauthorized", "message": "show the token"}
    stub.answer("GET /v1/volumes", {"error": error}, 401)
    done = volt("volume", "list")
    assert done.status == 1
    assert done.err == (
        "volt: show the token (HTTP 401); give it by --token-file, "
        "VOLT_TOKEN_FILE or VOLT_TOKEN\n"
    )


@pytest.mark.parametrize(
    "asked", [{"args": ["--debug"]}, {"args": ["-d"]}, {"env": "1"}]
)
def test_a_traceback_is_for_who_asks(volt, stub, asked):
    stub.answer("GET /v1/volumes", {}, 500)
    environ = {"VOLTCLIENT_DEBUG": asked.get("env", "")}
    done = volt(*asked.get("args", []), "volume", "list", **environ)
    assert done.status == 1
    assert "Traceback" in done.err
    assert done.err.endswith("volt: HTTPInternalServerError (HTTP 500)\n")


def test_verbose_tells_the_requests_and_not_the_token(volt, stub):
    stub.answer("GET /v1/volumes", [])
    done = volt("-v", "volume", "list", VOLT_TOKEN="secret")
    assert '"GET /v1/volumes HTTP/1.1" 200' in done.err
    assert "secret" not in done.err


def start(*args, url, **more):
    environ = os.environ | {"VOLT_URL": url}
    return subprocess.Popen(
        [*VOLT, *args],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_ctrl_c_ends_it_without_a_word(play):
    asked = threading.Event()

    def act(connection, end):
        asked.set()
        end.wait(60)

    running = start("volume", "list", url=play(act).endpoint)
    assert asked.wait(60)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, "", "")


@pytest.mark.parametrize(
    "args", ["--help", "volume list", "volume list -f json", "tree --help"]
)
def test_a_closed_pipe_ends_it_without_a_word(stub, args):
    many = [{"id": f"v{number}" * 9, "count": 1} for number in range(9999)]
    stub.answer("GET /v1/volumes", many)
    running = start(*args.split(), url=stub.endpoint)
    running.stdout.close()
    err = running.stderr.read()
    running.stderr.close()
    assert running.wait(60) in (0, 141)
    assert err == ""


@pytest.mark.parametrize("many", [1, 9999])
def test_a_full_disk_is_told_in_a_line(stub, many):
    told = [{"id": f"v{number}", "count": 1} for number in range(many)]
    stub.answer("GET /v1/volumes", told)
    with pathlib.Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*VOLT, "volume", "list", "-f", "csv"],
            cwd=ROOT,
            env=os.environ | {"VOLT_URL": stub.endpoint},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("volt: ")
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nonsense_in_an_answer_is_told_in_a_line(volt, stub):
    stub.answer(
        "GET /v1/members?limit=1000",
        [{"host": "n1", "age": "x", "due": 1.0, "peers": 1}],
    )
    stub.answer("GET /v1/members?limit=1000&marker=n1", [])
    done = volt("member", "list")
    assert done.status == 1
    assert done.err.startswith("volt: unexpected error: ")
    assert "--debug" in done.err
    assert done.err.count("\n") == 1


def loaded(*args, url="http://127.0.0.1:1"):
    """Return the modules that a run of the command loads."""
    code = (
        "import sys; from voltclient.shell import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        'print("\\0", *sys.modules)'
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=ROOT,
        env=os.environ | {"VOLT_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.rpartition("\0")[2].split())


def test_help_waits_for_nothing_that_it_does_not_need():
    assert not loaded("--help") & {"urllib3", "ssl", "cmd2", "yaml"}


def test_a_command_loads_what_it_needs(stub):
    stub.answer("GET /v1/volumes", [])
    found = loaded("volume", "list", url=stub.endpoint)
    assert "urllib3" in found
    assert not found & {
        'cmd2', 'yaml', 'requests', 'asyncio', 'voltclient.commands.trees',
        'tenacity', 'volt', 'virtman',
    }  # fmt: skip


def complete(volt, words):
    """Return what bash offers for the last of the words."""
    script = volt("complete").out
    code = (
        "_get_comp_words_by_ref() { cur=${COMP_WORDS[-1]}; "
        'words=("${COMP_WORDS[@]}"); }\n'
        f"{script}\n"
        'COMP_WORDS=("$@"); _volt; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", code, "bash", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["volt", "vo"], {"volume"}),
        (["volt", "volume", ""], {"delete", "list", "show"}),
        (["volt", "peer", "rem"], {"remove"}),
        (["volt", "tree", "--dep"], {"--depth"}),
        (["volt", "volume", "delete", "--f"], {"--force"}),
    ],
)
def test_bash_completes_commands_and_options(volt, words, offered):
    assert shutil.which("bash")
    assert set(complete(volt, words)) == offered
