# SPDX-License-Identifier: Apache-2.0
"""Find and end the processes of a cluster by the mark they carry.

The lab keeps no file of process ids, because such a file goes stale.  Every
node of the lab has an argument that no other process has; /proc shows it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from lab.waiting import pauses

# Seconds to look again; loading a program takes a hundredth of one.
_BETWEEN = 0.5


def find(mark: str) -> list[int]:
    """Return the ids of living processes with ``mark`` as an argument."""
    return [pid for pid in _all() if carries(pid, mark)]


def first(mark: str) -> int | None:
    """Return the process that has started all others with ``mark``.

    Between two programs a process has no arguments, and user-mode Linux
    executes itself anew at its start: so a missing process is looked for
    again for a while.
    """
    for _ in pauses(_BETWEEN):
        pids = find(mark)
        for pid in pids:
            if _parent(pid) not in pids:
                return pid
    return None


def carries(pid: int, mark: str) -> bool:
    """Tell whether process ``pid`` lives and has ``mark`` as an argument."""
    return mark in _arguments(pid)


def marks(beginning: str) -> set[str]:
    """Return the arguments of living processes with a beginning."""
    every = (word for pid in _all() for word in _arguments(pid))
    return {word for word in every if word.startswith(beginning)}


def kill(mark: str, timeout: float = 20) -> int:
    """End every process with ``mark``; return the number of processes.

    Each is held by a pidfd while its arguments are read again, so a number
    that the kernel gave to another process in between is never signalled.
    Raises TimeoutError for a process that outlives SIGKILL by ``timeout``
    seconds.
    """
    killed = 0
    # User-mode Linux has a process for each of its own, and makes more.
    while pids := find(mark):
        killed += sum(_kill_one(pid, mark, timeout) for pid in pids)
    return killed


def _kill_one(pid: int, mark: str, timeout: float) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not carries(pid, mark):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], timeout)[0]:
            raise TimeoutError(f"process {pid} ({mark}) outlives SIGKILL")
        return True
    finally:
        os.close(handle)


def _parent(pid: int) -> int | None:
    with contextlib.suppress(OSError, IndexError, ValueError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return int(after_name.split()[1])
    return None


def _all() -> list[int]:
    return sorted(int(path.name) for path in Path("/proc").glob("[0-9]*"))


def _arguments(pid: int) -> list[str]:
    # A zombie has no arguments: it counts as dead.
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return line.decode(errors="replace").split("\0")
