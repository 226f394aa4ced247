# SPDX-License-Identifier: Apache-2.0
"""Reads the kernel's figures of a process and its children: proc(5)."""

from __future__ import annotations

import time
from pathlib import Path

PROC = Path("/proc")
PATIENCE = 0.5
"""Seconds in which a process that has answered everybody comes to rest."""
PAUSE = 0.0005
"""Seconds between two looks."""


def family(pid: int) -> list[int]:
    """Return a process and all below it: a server and its workers."""
    pids = [pid]
    for task in _tasks(pid):
        for child in (task / "children").read_text().split():
            pids += family(int(child))
    return pids


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all below it, once all rest.

    From schedstat, in nanoseconds; stat knows it in hundredths of a second
    only.  The kernel counts a thread up to its last tick or switch: one that
    still runs, having just answered, would have used less than it has, or
    nothing at all.  So its rest is awaited; a thread that never rests is
    counted as it is.
    """
    tasks = [task for member in family(pid) for task in _tasks(member)]
    end = time.monotonic() + PATIENCE
    while any(map(_runs, tasks)) and time.monotonic() < end:
        time.sleep(PAUSE)
    spent = [
        int((task / "schedstat").read_text().split()[0]) for task in tasks
    ]
    return sum(spent) / 1e9


def memory(pid: int) -> dict[str, float]:
    """Return the resident memory now and at its highest, in MiB."""
    kib = [_status(member) for member in family(pid)]
    return {
        name: round(sum(status[field] for status in kib) / 1024, 1)
        for name, field in (("rss_mib", "VmRSS"), ("hwm_mib", "VmHWM"))
    }


def load() -> list[float]:
    """Return the load averages of 1, 5 and 15 minutes."""
    words = (PROC / "loadavg").read_text().split()
    return [float(word) for word in words[:3]]


def _tasks(pid: int) -> list[Path]:
    return list((PROC / str(pid) / "task").iterdir())


def _runs(task: Path) -> bool:
    """Whether a thread runs or waits for a CPU: its state, after its name."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0] == "R"


def _status(pid: int) -> dict[str, int]:
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    words = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(value) for name, value, _ in words}
