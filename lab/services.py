# SPDX-License-Identifier: Apache-2.0
"""Start in a node what a storage host has running: tgtd and iscsid.

Each function returns when the daemon answers, and does nothing when it
already does.
"""

from lab.node import Node

STORAGE_MODULES = (
    *("loop", "nbd", "iscsi_tcp", "sd_mod"),
    *("dm-multipath", "dm-queue-length", "dm-round-robin"),
    *("dm-snapshot", "dm-switch"),
)

INITIATORS = "iqn.2026-01.lab"
"""What the names of the nodes' initiators begin with (lab/guest/init)."""


def load(node: Node, *modules: str) -> None:
    """Load kernel modules; CommandFailed names one that is not there."""
    node.run(["modprobe", "-a", *modules])


def start_target(node: Node) -> None:
    """Start tgtd, which listens on port 3260 of every address."""
    ask = ["tgtadm", "--lld", "iscsi", "--op", "show", "--mode", "sys"]
    if node.run(ask, check=False).code:
        node.run(["tgtd"])
        node.wait_until(ask)


def kill_target(node: Node) -> None:
    """Have tgtd die as in a crash; return when it has."""
    node.run(["pkill", "-KILL", "-x", "tgtd"])
    node.wait_until(["sh", "-c", "! pidof tgtd"])


def start_initiator(node: Node) -> None:
    """Start iscsid; the node's name is iqn.2026-01.lab:<node>."""
    load(node, "iscsi_tcp", "sd_mod")
    if node.run(["pidof", "iscsid"], check=False).code:
        node.run(["iscsid"])
    # Without a session 21 is the good answer: there is nobody to list.
    node.wait_until(
        lambda: node.run(_SESSIONS, check=False).code in (0, 21),
        what="iscsid answers",
    )


def start_storage(node: Node) -> None:
    """Load every module the product uses and start both daemons."""
    load(node, *STORAGE_MODULES)
    start_target(node)
    start_initiator(node)


_SESSIONS = ["iscsiadm", "-m", "session"]
