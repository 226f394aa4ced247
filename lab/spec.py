# SPDX-License-Identifier: Apache-2.0
"""The nodes of a cluster, and how they are kept on disk."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.errors import LabError

CHECKOUT = Path(__file__).resolve().parent.parent
HOST = "/"
SUBNET = "10.77.0"
MACHINES = ("qemu", "uml")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclasses.dataclass(frozen=True)
class NodeSpec:
    """One machine: ``memory`` and ``disk`` are in MiB.

    The disk is a sparse file, mounted in the node at /var/lib/virtman; it
    outlives a power cut.  ``udev`` starts systemd-udevd in the node.
    ``machine`` is "qemu" or "uml": what runs its kernel.  ``root`` is the
    folder that it has for /, and its kernel from: the host's own, or one
    that tools/debian-root has made.
    """

    name: str
    memory: int = 1024
    cpus: int = 1
    disk: int = 4096
    udev: bool = True
    machine: str = "qemu"
    root: str = HOST

    def __post_init__(self) -> None:
        """Refuse a name or a size that no machine can have."""
        if not _NAME.fullmatch(self.name):
            raise LabError(
                f"node name {self.name!r}: use a-z, 0-9 and '-', at most "
                "31 characters, a letter first"
            )
        if self.machine not in MACHINES:
            raise LabError(
                f"node {self.name}: the machine {self.machine!r} is unknown; "
                f"use one of {', '.join(MACHINES)}"
            )
        if not Path(self.root).is_absolute():
            raise LabError(
                f"node {self.name}: the root {self.root!r} is not an absolute "
                "path; begin it with /"
            )
        for field in ("memory", "cpus", "disk"):
            if getattr(self, field) <= 0:
                raise LabError(f"node {self.name}: {field} must be positive")


def make(nodes: Iterable[NodeSpec | str]) -> tuple[NodeSpec, ...]:
    """Return the specs of names; LabError for none, twins or too many."""
    specs = tuple(NodeSpec(n) if isinstance(n, str) else n for n in nodes)
    names = [spec.name for spec in specs]
    if not 0 < len(names) <= 200:
        raise LabError(f"a cluster has 1 to 200 nodes, not {len(names)}")
    if len(set(names)) < len(names):
        raise LabError(f"two nodes have the same name: {', '.join(names)}")
    return specs


def address(position: int) -> str:
    """Return the address of the node at ``position``, counted from 1."""
    return f"{SUBNET}.{position}"


def save(path: Path, specs: Sequence[NodeSpec]) -> None:
    """Write the specs so that a reader sees all of them or none."""
    fresh = path.with_suffix(".new")
    text = json.dumps([dataclasses.asdict(s) for s in specs], indent=1)
    fresh.write_text(text + "\n")
    fresh.replace(path)


def load(path: Path) -> tuple[NodeSpec, ...]:
    """Return the specs that ``save`` wrote, none if they are unreadable."""
    try:
        items = json.loads(path.read_text())
        return tuple(NodeSpec(**item) for item in items)
    except (FileNotFoundError, ValueError, TypeError):
        return ()
