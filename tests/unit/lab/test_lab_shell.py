# SPDX-License-Identifier: Apache-2.0
"""Commands and files of a node, with this host in the place of the node."""

import io
import threading
import time

import pytest

from lab.errors import (
    CommandFailed,
    CommandTimeout,
    NodeDown,
    NotInTime,
    WrongState,
)
from lab.shell import Result, Shell


@pytest.fixture
def shell(machine):
    return Shell(machine)


def test_a_command_tells_code_and_both_outputs(shell):
    script = "echo out; echo err >&2; exit 3"
    done = shell.run(["sh", "-c", script], check=False)
    assert done == Result(3, "out\n", "err\n")


def test_words_arrive_as_they_were_given(shell):
    words = ["a b", "$HOME", "'", '"', "", "new\nline", "*"]
    done = shell.run(["printf", "%s|", *words])
    assert done.stdout == "|".join(words) + "|"


def test_input_is_read_and_output_is_whole(shell):
    text = "0123456789abcdef" * 100_000
    assert shell.run(["cat"], input=text).stdout == text


def test_a_failure_names_node_command_and_what_it_said(shell):
    with pytest.raises(CommandFailed) as caught:
        shell.run(["sh", "-c", "echo why >&2; exit 7"])
    assert caught.value.code == 7
    for word in ("node a", "exit 7", "exit code 7", "why"):
        assert word in str(caught.value)


def test_a_command_that_is_not_there_gives_127(shell):
    assert shell.run(["no-such-command"], check=False).code == 127


def test_a_signal_is_told_as_shells_do(shell):
    assert shell.run(["sh", "-c", "kill -9 $$"], check=False).code == 137


def test_a_late_command_is_killed_with_its_children(shell, tmp_path):
    alive = tmp_path / "alive"
    script = (
        f"echo first; (while :; do date >{alive}; sleep 0.01; done) & wait"
    )
    with pytest.raises(CommandTimeout, match="first"):
        shell.run(["sh", "-c", script], timeout=0.3)
    alive.unlink()
    time.sleep(0.1)
    assert not alive.exists()


def test_output_is_passed_on_while_the_command_runs(shell, tmp_path):
    goes_on = tmp_path / "goes-on"
    script = f"echo one; until [ -e {goes_on} ]; do sleep 0.01; done; echo two"

    class Sink(io.BytesIO):
        def write(self, data):
            goes_on.touch()
            return super().write(data)

    out = Sink()
    assert (
        shell.stream(["sh", "-c", script], out, io.BytesIO(), timeout=5) == 0
    )
    assert out.getvalue() == b"one\ntwo\n"


def test_nothing_is_kept_of_a_command_that_ended(shell, share):
    shell.run(["true"])
    assert list((share / ".lab" / "runs").iterdir()) == []


def test_a_power_cut_ends_the_waiting(shell, machine):
    threading.Timer(0.2, setattr, (machine, "power", 0)).start()
    with pytest.raises(NodeDown, match="sleep 2"):
        shell.run(["sleep", "2"], timeout=30)


def test_without_power_nothing_is_started(shell, machine, share):
    machine.power = 0
    with pytest.raises(NodeDown, match="node a has no power"):
        shell.run(["true"])
    assert list((share / ".lab" / "runs").iterdir()) == []


def test_power_that_came_back_is_not_the_same_power(shell, machine):
    threading.Timer(0.2, setattr, (machine, "power", 2)).start()
    with pytest.raises(NodeDown, match="lost its power"):
        shell.run(["sleep", "2"], timeout=30)


def test_a_daemon_adds_to_its_log(shell):
    for word in ("one", "two"):
        assert shell.start(["echo", word], log="d.log").wait(5) == 0
    assert shell.log("d.log").read_text() == "one\ntwo\n"


def test_a_daemon_can_be_asked_and_killed(shell):
    daemon = shell.start(["sleep", "30"], log="d.log")
    assert daemon.poll() is None
    daemon.kill("TERM")
    assert daemon.wait(5) == 143


def test_files_go_in_and_come_out_unchanged(shell, tmp_path):
    data = bytes(range(256))
    path = str(tmp_path / "new" / "it's a file")
    shell.put(path, data)
    assert shell.get(path) == data
    with pytest.raises(CommandFailed, match="No such file"):
        shell.get(path + ".not")


def test_waiting_ends_with_the_value_or_names_what_was_awaited(shell):
    values = iter([None, 0, "there"])
    assert shell.wait_until(lambda: next(values)) == "there"
    shell.wait_until(["true"])
    with pytest.raises(NotInTime, match="node a: false"):
        shell.wait_until(["false"], timeout=0.05)
    with pytest.raises(NotInTime, match="the moon"):
        shell.wait_until(lambda: 0, timeout=0.01, goal="the moon")


def test_a_cluster_that_is_down_is_named(shell, share):
    for path in sorted(share.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(WrongState, match="down"):
        shell.run(["true"])
