# SPDX-License-Identifier: Apache-2.0
"""The doorbell is heard, waits its turn, and says when nobody is there."""

import fcntl
import os
import socket
import threading

import pytest

from lab import doorbell
from lab.errors import NodeDown


@pytest.fixture
def folder(tmp_path):
    """Lie deeper than the path of a Unix socket may be long."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    return deep


@pytest.fixture
def bell(folder, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "bell"))
        (tmp_path / "bell").rename(folder / "bell.sock")
        server.listen()
        server.settimeout(5)
        yield server


def test_the_run_is_said_on_a_line_of_its_own(folder, bell):
    said = []

    def listen():
        line, _ = bell.accept()
        said.append(line.recv(100))
        line.close()

    thread = threading.Thread(target=listen)
    thread.start()
    doorbell.ring(folder, "run1", lambda: bool(said), timeout=5)
    thread.join()
    assert said == [b"\nrun1\n"]


def test_a_bell_may_be_a_pipe(folder):
    os.mkfifo(folder / "bell.fifo")
    node = os.open(folder / "bell.fifo", os.O_RDWR)
    try:
        doorbell.ring(folder, "run1", lambda: True, timeout=5)
        assert os.read(node, 100) == b"\nrun1\n"
    finally:
        os.close(node)


def test_a_pipe_without_a_reader_is_a_node_down(folder):
    os.mkfifo(folder / "bell.fifo")
    with pytest.raises(NodeDown, match=folder.name):
        doorbell.ring(folder, "run1", lambda: True, timeout=5)


def test_a_bell_that_nobody_hears_is_a_node_down(folder, bell):
    with pytest.raises(NodeDown, match="no answer"):
        doorbell.ring(folder, "run1", lambda: False, timeout=0.05)


def test_no_machine_behind_the_bell_is_a_node_down(folder):
    with pytest.raises(NodeDown, match=folder.name):
        doorbell.ring(folder, "run1", lambda: True, timeout=5)


def test_a_caller_waits_while_another_rings(folder, bell):
    with (folder / "bell.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(NodeDown, match="busy"):
            doorbell.ring(folder, "run1", lambda: True, timeout=0.05)
    doorbell.ring(folder, "run1", lambda: True, timeout=5)
