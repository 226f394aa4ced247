# SPDX-License-Identifier: Apache-2.0
"""What the run starts ends, with its children; nothing else does."""

import os
import sys
from pathlib import Path

import pytest

from cloud.daemons import Daemon, run
from cloud.errors import CloudError
from lab.waiting import pauses

# Starts a child that outlives it, tells its number, and goes on or ends.
PARENT = (
    "import subprocess, sys, time\n"
    'child = subprocess.Popen(["sleep", "1000"])\n'
    "print(child.pid, flush=True)\n"
    "time.sleep(float(sys.argv[1]))\n"
)


def parent(seconds):
    return [sys.executable, "-c", PARENT, str(seconds)]


def gone(pid):
    """Wait until a process has ended; whoever adopts it may be slow."""
    for _ in pauses(20):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state.split()[0] == "Z":
            return True
    return False


@pytest.fixture
def log(tmp_path):
    return tmp_path / "daemon.log"


def said(log):
    return bool(log.read_text().strip())


def test_a_daemon_ends_with_its_children(log):
    daemon = Daemon("parent", parent(1000), log)
    daemon.wait_until(lambda: said(log), 60)
    assert daemon.alive()
    daemon.stop()
    assert not daemon.alive()
    assert gone(int(log.read_text()))


def test_a_daemon_that_has_ended_keeps_its_number_until_it_is_stopped(log):
    daemon = Daemon("short", ["true"], log)
    pid = daemon._process.pid
    for _ in pauses(20):
        if not daemon.alive():
            break
    # Nobody else can have it: a signal to it meets no stranger.
    assert Path(f"/proc/{pid}").exists()
    daemon.stop()
    assert not Path(f"/proc/{pid}").exists()


def test_a_daemon_that_was_stopped_gets_no_second_signal(log, monkeypatch):
    daemon = Daemon("short", ["sleep", "1000"], log)
    daemon.stop()
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("a signal"))
    daemon.stop()


def test_what_ignores_the_first_signal_is_killed(log):
    deaf = 'trap "" TERM; echo ready; while :; do sleep 1000; done'
    daemon = Daemon("deaf", ["sh", "-c", deaf], log)
    daemon.wait_until(lambda: said(log), 60)
    daemon.stop(timeout=0.1)
    assert not daemon.alive()


def test_a_daemon_that_ends_at_once_is_told_with_its_last_words(log):
    daemon = Daemon("mute", ["sh", "-c", "echo no such table; exit 3"], log)
    with pytest.raises(CloudError, match=r"mute has ended:\nno such table"):
        daemon.wait_until(lambda: False, 60)


def test_a_daemon_that_is_never_ready_is_told(log):
    daemon = Daemon("slow", ["sleep", "1000"], log)
    with pytest.raises(CloudError, match="slow is not ready after 0 s"):
        daemon.wait_until(lambda: False, 0.05)
    assert not daemon.alive()


def test_a_daemon_ends_when_its_beginning_is_interrupted(log):
    def interrupt():
        raise KeyboardInterrupt

    daemon = Daemon("slow", ["sleep", "1000"], log)
    with pytest.raises(KeyboardInterrupt):
        daemon.wait_until(interrupt, 60)
    assert not daemon.alive()


def test_a_program_gets_its_input_and_gives_its_output():
    assert run("cat", ["cat"], stdin="secret") == "secret"


def test_a_program_sees_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("OS_PASSWORD", "mine")
    assert "OS_PASSWORD" not in run("env", ["env"])


def test_a_program_that_fails_is_told_with_its_reason():
    with pytest.raises(CloudError, match=r"the sync ended with 4:\nno table"):
        run("the sync", ["sh", "-c", "echo no table >&2; exit 4"])


def test_a_program_that_takes_too_long_ends_with_its_children(tmp_path):
    told = tmp_path / "pid"
    line = f"sleep 1000 & echo $! >{told}; wait"
    with pytest.raises(CloudError, match="slow: not done in"):
        run("slow", ["sh", "-c", line], timeout=2)
    assert gone(int(told.read_text()))
