# SPDX-License-Identifier: Apache-2.0
"""The three TCP ports of a node: free, or held by who should hold them."""

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
    """Yield a finding for each port."""
    for name in ("rpc_port", "admission_port"):
        yield _door(name, getattr(settings, name))
    yield _target(settings.iscsi_port)


def _door(name: str, port: int) -> Finding:
    """One of the agent's own; another holder keeps it from starting."""
    holders = sockets.listening(port)
    ours = set(processes.agents())
    if not holders:
        return Finding(_CHECK, Level.OK, f"{name} {port} is free")
    if ours.intersection(holders):
        return Finding(_CHECK, Level.OK, f"{name} {port} is the agent's")
    return Finding(
        _CHECK, Level.ERROR,
        f"{name} {port} is taken by {_who(holders)}",
        f"end that, or {_MOVE[name]}",
    )  # fmt: skip


def _target(port: int) -> Finding:
    """tgtd's; peers are sent to it."""
    holders = sockets.listening(port)
    if set(processes.named("tgtd")).intersection(holders):
        return Finding(_CHECK, Level.OK, f"iscsi_port {port} is tgtd's")
    if not holders:
        return Finding(
            _CHECK, Level.ERROR,
            f"nobody listens on iscsi_port {port}, to which peers are sent",
            "start tgtd ('systemctl start tgt'), or set iscsi_port to the "
            "port on which it serves",
        )  # fmt: skip
    return Finding(
        _CHECK, Level.ERROR,
        f"iscsi_port {port} is taken by {_who(holders)}, not by tgtd",
        "end that and restart tgt, or have tgtd serve on another port and "
        "set iscsi_port to it",
    )  # fmt: skip


def _who(holders: list[int]) -> str:
    """Name the holders; 0 is one that no process here owns."""
    return ", ".join(
        f"{processes.name(pid)} ({pid})" if pid else "the kernel, or a "
        "process that cannot be seen from here"
        for pid in holders
    )  # fmt: skip
