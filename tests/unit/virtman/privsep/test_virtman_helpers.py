# SPDX-License-Identifier: Apache-2.0
"""The helpers of an agent that is not root's: how they are started."""

from __future__ import annotations

import fnmatch
import os
import sys
from pathlib import Path

import pytest
from fake_proc import FakeProc
from oslo_config import cfg
from oslo_privsep import daemon

from virtman import privsep, waiting
from virtman.conf import opts
from virtman.doctor import Level, prerequisites, privileges
from virtman.drivers import orphaned_commands, processes
from virtman.exception import CommandError, NoPrivileges
from virtman.privsep import helpers

RULE = Path(__file__).parents[4] / "etc/sudoers.d/virtman"
HELPER = Path(sys.executable).with_name("virtman-privsep-helper")
SUDO = next(o.default for o in opts.OPTIONS if o.dest == "root_helper")
SOCKET = "/tmp/tmpab_c12xy/privsep.sock"


@pytest.fixture
def started(monkeypatch):
    """Note the command of each context that is started; start nothing."""
    commands = {}

    def start(context):
        commands[context.cfg_section] = context.helper_command(SOCKET)

    monkeypatch.setattr(privsep.Context, "start", start)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    yield commands
    for context in privsep.CONTEXTS:
        cfg.CONF.set_default("helper_command", None, group=context.cfg_section)


@pytest.fixture
def sudo(monkeypatch):
    """Have sudo say what a test says; note what it was asked."""
    asked = []
    answers = [None]

    def run(argv):
        asked.append(argv)
        if answers[0] is not None:
            raise CommandError(argv, 1, "", answers[0])

    monkeypatch.setattr(privsep.command, "run", run)
    return asked, answers


def test_each_context_has_a_helper_of_this_installation(started):
    privsep.begin(SUDO, {})
    assert len(started) == len(privsep.CONTEXTS) == 4
    for context in privsep.CONTEXTS:
        assert started[context.cfg_section] == [
            "sudo", "-n", str(HELPER), "--privsep_context", context.pypath,
            "--privsep_sock_path", SOCKET,
        ]  # fmt: skip


def test_rootwrap_may_start_them_too(started):
    privsep.begin("sudo nova-rootwrap /etc/nova/rootwrap.conf", {})
    for command in started.values():
        assert command[:4] == [
            "sudo", "nova-rootwrap", "/etc/nova/rootwrap.conf", str(HELPER),
        ]  # fmt: skip


def test_one_of_them_may_be_started_otherwise(started):
    privsep.begin(SUDO, {"privsep_virtman_host": "doas 'a b'"})
    assert started["privsep_virtman_host"][:2] == ["doas", "a b"]
    assert started["privsep_virtman_iscsi"][0] == "sudo"


def test_the_command_outlives_that_os_brick_reads_its_options(started):
    privsep.begin(SUDO, {})
    cfg.CONF([], default_config_files=[], default_config_dirs=[])
    command = privsep.CONTEXTS[0].helper_command(SOCKET)
    assert command == started["privsep_virtman_devices"]


def test_root_needs_no_helper(started, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    privsep.begin(SUDO, {})
    assert started == {}


@pytest.mark.parametrize(
    "error",
    [daemon.FailedToDropPrivileges("exited non-zero (1)"),
     FileNotFoundError(2, "No such file or directory", "sudo")],
)  # fmt: skip
def test_a_helper_that_does_not_start_is_told_with_the_remedy(
    started, monkeypatch, error
):
    def start(_):
        raise error

    monkeypatch.setattr(privsep.Context, "start", start)
    with pytest.raises(NoPrivileges) as failed:
        privsep.begin(SUDO, {})
    message = str(failed.value)
    assert message.startswith("#4242 gets no privileges: ")
    assert f"sudo -n {HELPER}: {error}; the log" in message
    assert message.count(str(error)) == 1, "said once, though all have failed"
    assert "adapt etc/sudoers.d/virtman" in message


@pytest.fixture
def answers(monkeypatch):
    """Have a helper's channel raise what a test says."""
    context = privsep.storage.context
    errors = []

    class Channel:
        running = True

        def remote_call(self, *_):
            raise errors[0]

    monkeypatch.setattr(context, "client_mode", True)
    monkeypatch.setattr(context, "channel", Channel())
    return errors


@pytest.mark.parametrize(
    "error", [OSError("Premature eof"), BrokenPipeError(32, "Broken pipe")]
)
def test_a_helper_that_ends_amid_a_call_is_an_error_of_ours(answers, error):
    answers.append(error)
    with pytest.raises(NoPrivileges) as failed:
        privsep.qemu_img("create")
    assert "virtman.privsep.storage.context ended" in str(failed.value)
    assert "during qemu_img" in str(failed.value)


@pytest.mark.parametrize(
    "error",
    [ProcessLookupError(3, "No such process"),
     CommandError(["qemu-img"], 1, "", "said")],
)  # fmt: skip
def test_what_the_function_itself_raises_stays_what_it_is(answers, error):
    answers.append(error)
    with pytest.raises(type(error)) as failed:
        privsep.qemu_img("create")
    assert failed.value is error


def test_the_rule_is_for_what_the_agent_starts(started):
    privsep.begin(SUDO, {})
    text = RULE.read_text().replace("\\\n", "")
    (pattern,) = (
        line.split(" = ")[1].strip()
        for line in text.splitlines()
        if line.startswith("Cmnd_Alias")
    )
    pattern = pattern.replace("/opt/vmthunder/bin", str(HELPER.parent))
    for command in started.values():
        assert fnmatch.fnmatchcase(" ".join(command[2:]), pattern)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--privsep_context", "os_brick.privileged.default",
         "--privsep_sock_path", SOCKET],
        ["--privsep_context", "virtman.privsep.host.context",
         "--privsep_sock_path", SOCKET, "--config-file", "/tmp/mine"],
        ["--config-file", "/tmp/mine", "--privsep_context",
         "virtman.privsep.host.context", "--privsep_sock_path", SOCKET],
        ["--privsep_context", "virtman.privsep.context.confine",
         "--privsep_sock_path", SOCKET],
    ],
)  # fmt: skip
def test_a_helper_serves_none_but_an_agents_command_line(
    monkeypatch, capsys, words
):
    def serve():
        raise AssertionError("it has served")

    monkeypatch.setattr(daemon, "helper_main", serve)
    assert privsep.serve(words) == 2
    assert "virtman-server starts it" in capsys.readouterr().err


def test_a_helper_serves_a_context_of_ours(monkeypatch):
    words = ["--privsep_context", "virtman.privsep.host.context",
             "--privsep_sock_path", SOCKET]  # fmt: skip
    served = []
    monkeypatch.setattr(sys, "argv", ["helper"])
    monkeypatch.setattr(
        daemon, "helper_main", lambda: served.append(sys.argv[1:])
    )
    assert privsep.serve(words) == 0
    assert served == [words]


def test_helpers_are_known_by_their_context():
    proc = FakeProc(processes.PROC)
    ours = ("/bin/python3", str(HELPER), "--privsep_context")
    proc.run(7, *ours, "virtman.privsep.host.context")
    proc.run(8, *ours, "os_brick.privileged.default")
    proc.run(9, "vi", "--privsep_context")
    assert processes.helpers() == [7]


def test_the_helpers_of_an_agent_that_was_killed_are_waited_for(monkeypatch):
    running = [[7], [7], []]
    monkeypatch.setattr(processes, "helpers", lambda: running.pop(0))
    monkeypatch.setattr(waiting.time, "sleep", lambda _: None)
    orphaned_commands.wait_for_helpers()
    assert running == []


def test_sudo_is_asked_for_each_helper_and_the_user(sudo, settings):
    asked, _ = sudo
    context = privsep.CONTEXTS[0]
    assert helpers.refused(context, SUDO, {}, "virtman") is None
    assert asked[0][:7] == [
        "sudo", "-n", "-l", "-U", "virtman", "--", str(HELPER),
    ]  # fmt: skip
    assert asked[0][8] == context.pypath


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("", "no rule allows it"), ("unknown user\n", "unknown user")],
)
def test_sudos_refusal_is_told(sudo, answer, reason):
    sudo[1][0] = answer
    context = privsep.CONTEXTS[0]
    assert helpers.refused(context, SUDO, {}, "virtman") == reason


def test_another_program_than_sudo_is_not_judged(sudo):
    asked, _ = sudo
    (*_, context) = privsep.CONTEXTS
    given = {context.cfg_section: "doas helper"}
    assert helpers.refused(context, SUDO, given, "virtman") is None
    assert asked == []


@pytest.mark.parametrize("answer", [None, ""])
def test_the_doctor_asks_for_the_owner_of_the_state(
    sudo, settings, monkeypatch, answer
):
    sudo[1][0] = answer
    options = settings()
    monkeypatch.setattr(privileges, "_owner", lambda settings: "virtman")
    findings = list(privileges.look(options))
    wanted = Level.OK if answer is None else Level.ERROR
    assert [item.level for item in findings] == [wanted] * 4
    assert all("virtman" in item.text for item in findings)
    assert all(bool(item.remedy) == (answer is not None) for item in findings)


def test_roots_agent_needs_no_rule(sudo, settings):
    (finding,) = privileges.look(settings())
    assert finding.level is Level.OK
    assert sudo[0] == []


def test_a_folder_of_another_user_is_told_with_the_remedy(
    settings, monkeypatch
):
    options = settings()
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(os, "access", lambda *_: False)
    lines = list(prerequisites._folders(options))
    assert len(lines) == 4
    assert f"'install -d -m 700 -o #4242 {options.state_dir}'" in lines[0]


def test_roots_programs_are_found_though_a_users_path_has_none(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin" / "dmsetup").touch(mode=0o755)
    monkeypatch.setattr(prerequisites, "_SBIN", f":{tmp_path}/sbin")
    assert prerequisites.find("dmsetup") == f"{tmp_path}/sbin/dmsetup"
