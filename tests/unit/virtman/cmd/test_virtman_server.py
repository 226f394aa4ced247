# SPDX-License-Identifier: Apache-2.0
"""The agent as a program: exit codes, one line of reason, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import xmlrpc.client

import pytest
from fake_portals import PATIENCE

from virtman import privsep
from virtman.cmd import agent
from virtman.coordinator.protocol import Alone
from virtman.coordinator.volt import Volt, secret_in
from virtman.doctor import prerequisites
from virtman.drivers import udev
from virtman.drivers.connector import Connector
from virtman.exception import ConfigError

SIGNALS = (signal.SIGTERM, signal.SIGINT)
MAIN = "import sys; from virtman.cmd.server import main; sys.exit(main())"


@pytest.fixture
def run(tmp_path):
    """Run the agent's own program on a file of options; it must end."""

    def program(text, *argv, code=MAIN):
        file = tmp_path / "virtman.conf"
        file.write_text(f"[DEFAULT]\n{text}\n")
        folder = tmp_path / "no-programs"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-c", code, f"--config-file={file}", *argv],
            env=os.environ | {"PATH": str(folder)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return program


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("host_pi=10.0.0.1", "unknown option 'host_pi'"),
        ("rpc_port=70000", "rpc_port"),
        ("host_ip=192.0.2.1", "set rpc_token_file"),
        ("rpc_token_file=/no/such/file", "rpc_token_file /no/such/file: No"),
        ("cache_engine=bcache", "installed are: flashcache, qemu"),
        ("state_dir=$state_dir", "state_dir: its value refers to itself"),
        ("snapshot_chunk=", "snapshot_chunk has no value"),
        ("log_file=/dev/null/x", "cannot set up the log by log_file"),
        (
            "run_dir=\x1b",
            "run_dir: its value has a character that cannot be printed",
        ),
    ],
)
def test_bad_options_end_the_agent_with_two_and_a_line_of_reason(
    run, text, reason
):
    done = run(text)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "virtman-server: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_host_that_lacks_something_ends_the_agent_with_one(run, tmp_path):
    done = run(
        f"state_dir={tmp_path}/state\nrun_dir={tmp_path}/run\n"
        "host_ip=127.0.0.1"
    )
    assert done.returncode == 1
    assert "program tgtadm: install the Debian package tgt" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_agent_has_no_use_for_eventlet(run):
    code = (
        "import sys; from virtman.cmd import server\n"
        "try: server.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert sys.modules.get('eventlet') is None\n"
        "assert not [m for m in sys.modules if m.startswith('eventlet.')]\n"
        "print('native')"
    )
    done = run("", code=code)
    assert done.stdout.endswith("native\n"), done.stderr


@pytest.fixture
def whole(kernel, settings, monkeypatch, tmp_path):
    """The options of an agent on a host in memory."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setattr(prerequisites, "check", lambda *_: None)
    monkeypatch.setattr(privsep, "run_in_process", lambda: True)
    monkeypatch.setattr(udev, "install", lambda: True)
    monkeypatch.setattr(Connector, "start", lambda self: None)
    kept = {number: signal.getsignal(number) for number in SIGNALS}
    yield settings(rpc_port=port, heartbeat_interval=0.1)
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_agent_serves_until_it_is_told_to_end(whole, kernel, number):
    answers = []

    def call_and_end():
        uri = f"http://127.0.0.1:{whole.rpc_port}/RPC2"
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answers.append(xmlrpc.client.ServerProxy(uri).list())
                break
            except ConnectionRefusedError:
                continue
        os.kill(os.getpid(), number)

    before = threading.enumerate()
    caller = threading.Thread(target=call_and_end)
    caller.start()
    agent._serve(whole)
    caller.join(PATIENCE)
    assert answers == [[]]
    ours = {"heartbeat", "path-monitor", "housekeeping", "digests"}
    running = set(threading.enumerate()) - set(before)
    assert not ours & {thread.name for thread in running}


def test_without_a_master_the_agent_works_alone_and_says_so(settings, caplog):
    assert isinstance(agent._coordinator(settings()), Alone)
    assert "works without a tree" in caplog.text


def test_a_master_is_spoken_to_with_the_token_of_the_file(settings, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    master = agent._coordinator(
        settings(master_ip="fe80::1", master_token_file=tmp_path / "token")
    )
    assert isinstance(master, Volt)
    assert master._client._endpoint == "http://[fe80::1]:7447"


def test_a_secret_that_is_exchanged_needs_no_new_agent(tmp_path):
    (tmp_path / "token").write_text("# the new one\nnew\nold\n")
    assert secret_in(tmp_path / "token") == "new"


def test_a_token_file_without_a_secret_is_named(settings, tmp_path):
    (tmp_path / "token").write_text("# nothing\n")
    options = settings(
        master_ip="10.0.0.1", master_token_file=tmp_path / "token"
    )
    with pytest.raises(ConfigError, match=r"master_token_file: .*no secret"):
        agent._coordinator(options)


def test_a_token_file_that_cannot_be_read_is_named(settings, tmp_path):
    options = settings(
        master_ip="10.0.0.1", master_token_file=tmp_path / "none"
    )
    with pytest.raises(ConfigError, match=r"master_token_file: .*none"):
        agent._coordinator(options)
