# SPDX-License-Identifier: Apache-2.0
"""The names of the demo's machines, its VM disks and their image."""

from __future__ import annotations

from pathlib import Path

from lab.spec import NodeSpec

MASTER = "master"
COMPUTES = ("node1", "node2", "node3")
VMS = ("vm1", "vm2")
IMAGE = "image1"
VOLUME = f"volume-{IMAGE}"
FILE = "/var/lib/virtman/disk.img"
CHECKOUT = Path(__file__).resolve().parent.parent


def machines(machine: str) -> list[NodeSpec]:
    """Return the master and the compute nodes, of one kind of machine."""
    return [NodeSpec(MASTER, machine=machine)] + [
        NodeSpec(name, memory=1536, machine=machine) for name in COMPUTES
    ]


def device(vm: str) -> str:
    """Return the path of a VM's disk on its node."""
    return f"/dev/mapper/snapshot_{vm}"
