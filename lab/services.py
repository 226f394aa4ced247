# SPDX-License-Identifier: Apache-2.0
"""Start the daemons of a storage host in a node: tgtd and iscsid.

Each function returns when the daemon answers, and starts none when the daemon
answers already.
"""

from __future__ import annotations

from lab.node import Node

STORAGE_MODULES = (
    *("loop", "nbd", "iscsi_tcp", "sd_mod"),
    *("dm-multipath", "dm-queue-length", "dm-round-robin"),
    *("dm-snapshot", "dm-switch"),
)

INITIATORS = "iqn.2026-01.lab"
"""The beginning of the names of the nodes' initiators (lab/guest/init)."""


def load(node: Node, *modules: str) -> None:
    """Load kernel modules; CommandFailed names a missing module."""
    node.run(["modprobe", "-a", *modules])


def start_target(node: Node) -> None:
    """Start tgtd, which listens on port 3260 of every address."""
    ask = ["tgtadm", "--lld", "iscsi", "--op", "show", "--mode", "sys"]
    if node.run(ask, check=False).code:
        node.run(["tgtd"])
        node.wait_until(ask)


def kill_target(node: Node) -> None:
    """Kill tgtd, as a crash would; return when it is dead."""
    node.run(["pkill", "-KILL", "-x", "tgtd"])
    node.wait_until(["sh", "-c", "! pidof tgtd"])


def start_initiator(node: Node) -> None:
    """Start iscsid; the node's name is iqn.2026-01.lab:<node>."""
    load(node, "iscsi_tcp", "sd_mod")
    if node.run(["pidof", "iscsid"], check=False).code:
        node.run(["iscsid"])
    # Without a session, 21 is the good answer: the list is empty.
    node.wait_until(
        lambda: node.run(_SESSIONS, check=False).code in (0, 21),
        goal="iscsid answers",
    )


def start_storage(node: Node) -> None:
    """Load every module that VMThunder uses and start both daemons."""
    load(node, *STORAGE_MODULES)
    start_target(node)
    start_initiator(node)


_SESSIONS = ["iscsiadm", "-m", "session"]
