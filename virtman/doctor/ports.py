# SPDX-License-Identifier: Apache-2.0
"""Checks that each TCP port of a node is free or held by its own daemon."""

from __future__ import annotations

from collections.abc import Iterator

from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.drivers import processes, sockets

_CHECK = "ports"
_MOVE = {
    "rpc_port": "set rpc_port to a free port (and --port of vmtimg and "
    "vmtrun to the same)",
    "admission_port": "set admission_port to a free port, the same on all "
    "nodes",
}


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each of the three ports."""
    for name in ("rpc_port", "admission_port"):
        yield _door(name, getattr(settings, name))
    yield _target(settings.iscsi_port)


def _door(name: str, port: int) -> Finding:
    """Return whether a port of the agent's is free, or held by the agent.

    Another holder keeps the agent from starting.
    """
    holders = sockets.listening(port)
    agents = set(processes.agents())
    if not holders:
        return Finding(_CHECK, Level.OK, f"{name} {port} is free")
    if agents.intersection(holders):
        return Finding(_CHECK, Level.OK, f"{name} {port} is the agent's")
    return Finding(
        _CHECK, Level.ERROR,
        f"{name} {port} is taken by {_who(holders)}",
        f"end that program, or {_MOVE[name]}",
    )  # fmt: skip


def _target(port: int) -> Finding:
    """Return whether tgtd holds iscsi_port, to which peers are sent."""
    holders = sockets.listening(port)
    if set(processes.named("tgtd")).intersection(holders):
        return Finding(_CHECK, Level.OK, f"iscsi_port {port} is tgtd's")
    if not holders:
        return Finding(
            _CHECK, Level.ERROR,
            f"no program listens on iscsi_port {port}, where peers log in",
            "start tgtd ('systemctl start tgt'), or set iscsi_port to the "
            "port on which it serves",
        )  # fmt: skip
    return Finding(
        _CHECK, Level.ERROR,
        f"iscsi_port {port} is taken by {_who(holders)}, not by tgtd",
        "end that program and restart tgt, or have tgtd serve on another port "
        "and set iscsi_port to it",
    )  # fmt: skip


def _who(holders: list[int]) -> str:
    """Return names and ids of the holders; 0 is no process of this host."""
    return ", ".join(
        f"{processes.name(pid)} ({pid})" if pid else "the kernel, or a "
        "process that cannot be seen from here"
        for pid in holders
    )  # fmt: skip
