# SPDX-License-Identifier: Apache-2.0
"""The two TCP ports of a node: free, or held by who should hold them."""

from __future__ import annotations

from collections.abc import Iterator

from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.drivers import processes, sockets

_CHECK = "ports"


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each port."""
    yield _door(settings.rpc_port)
    yield _target(settings.iscsi_port)


def _door(port: int) -> Finding:
    """The agent's own; another holder keeps it from starting."""
    holders = sockets.listening(port)
    ours = set(processes.agents())
    if not holders:
        return Finding(_CHECK, Level.OK, f"rpc_port {port} is free")
    if ours.intersection(holders):
        return Finding(_CHECK, Level.OK, f"rpc_port {port} is the agent's")
    return Finding(
        _CHECK, Level.ERROR,
        f"rpc_port {port} is taken by {_who(holders)}",
        "end that, or set rpc_port to a free port (and --port of vmtimg and "
        "vmtrun to the same)",
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
