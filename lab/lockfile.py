# SPDX-License-Identifier: Apache-2.0
"""Locks that only one command, or one thread of it, has at a time.

flock(2) itself, and not fasteners: its locks are those of fcntl(2), which do
not keep two threads of one process apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

# Seconds between two tries for a lock that another has.
_AGAIN = 0.002


@contextlib.contextmanager
def locked(path: Path, wait: float | None = 0.0) -> Iterator[None]:
    """Have the lock of a file, which is made if missing; its folder, too.

    :param wait: seconds to wait for it, None for as long as it takes.
    :raises BlockingIOError: another has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if wait is None:
            fcntl.flock(file, fcntl.LOCK_EX)
        else:
            _acquire(file.fileno(), time.monotonic() + wait)
        yield


def _acquire(handle: int, limit: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= limit:
                raise
        time.sleep(_AGAIN)
