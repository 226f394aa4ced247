# SPDX-License-Identifier: Apache-2.0
"""Find and end the processes of a cluster by the mark they carry.

The lab keeps no file of process ids, because such a file goes stale.  Every
QEMU of the lab has an argument that only it can have; /proc tells the rest.
"""

import os
import select
import signal
from pathlib import Path


def find(mark: str) -> list[int]:
    """Return the ids of living processes with ``mark`` as an argument."""
    numbers = (int(p.name) for p in Path("/proc").glob("[0-9]*"))
    return sorted(pid for pid in numbers if mark in arguments(pid))


def arguments(pid: int) -> list[str]:
    """Return a process's arguments; none when it is gone or a zombie."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return line.decode(errors="replace").split("\0")


def kill(mark: str, timeout: float = 20) -> int:
    """End every process with ``mark``; return how many there were.

    Each is held by a pidfd while its arguments are read again, so a number
    that the kernel gave to another process in between is never signalled.
    Raises TimeoutError for one that outlives SIGKILL by ``timeout`` seconds.
    """
    return sum(_kill_one(pid, mark, timeout) for pid in find(mark))


def _kill_one(pid: int, mark: str, timeout: float) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if mark not in arguments(pid):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], timeout)[0]:
            raise TimeoutError(f"process {pid} ({mark}) outlives SIGKILL")
        return True
    finally:
        os.close(handle)


def marks(beginning: str) -> set[str]:
    """Return the arguments of living processes that begin so."""
    pids = (int(p.name) for p in Path("/proc").glob("[0-9]*"))
    return {a for p in pids for a in arguments(p) if a.startswith(beginning)}
