# SPDX-License-Identifier: Apache-2.0
"""A console tells why its kernel stopped, and a node's error passes it on."""

import pytest

from lab import diagnosis, processes
from lab.errors import NodeDown
from lab.machine import Machine
from lab.network import Network
from lab.node import Node
from lab.spec import NodeSpec

XSTATE = "userspace - ptrace set fp regs failed, errno = 14\n"
PANIC = "Kernel panic - not syncing: VFS: Unable to mount root fs\nCPU: 0\n"


def test_a_large_xstate_is_named_before_the_panic_it_leads_to():
    told = diagnosis.cause(PANIC + XSTATE)
    assert "this CPU's xstate" in told
    assert "make system" in told


def test_a_panic_is_told_by_its_reason():
    told = diagnosis.cause(PANIC)
    assert told == "its kernel panicked: VFS: Unable to mount root fs"


def test_a_console_without_a_reason_tells_none():
    assert diagnosis.cause("Linux version 6.1\nRun /init\n") is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (XSTATE + PANIC, "node a stopped: this CPU's xstate"),
        (PANIC, "node a stopped: its kernel panicked: VFS"),
        ("Run /init\n", "node a lost its power"),
    ],
)
def test_a_node_that_stops_at_its_boot_says_why(
    tmp_path, monkeypatch, said, told
):
    network = Network("lab-none")
    machine = Machine(NodeSpec("a"), 1, tmp_path, tmp_path, network)
    machine.console.write_text(said)
    monkeypatch.setattr(processes, "first", lambda _: None)
    with pytest.raises(NodeDown, match=told):
        Node(machine, lambda: None).ready()
