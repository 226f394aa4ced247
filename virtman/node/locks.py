# SPDX-License-Identifier: Apache-2.0
"""A lock for each name, kept as long as a thread holds it or waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class NameLocks:
    """Locks by name; work under one name does not wait for another name."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    def __len__(self) -> int:
        """Return the number of names whose lock is held or waited for."""
        return len(self._locks)

    @contextlib.contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of a name."""
        lock = self._take(name, 1)
        try:
            with lock:
                yield
        finally:
            self._take(name, -1)

    @contextlib.contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        """Hold the lock of a name if it is free; yield whether it was."""
        lock = self._take(name, 1)
        held = lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                lock.release()
            self._take(name, -1)

    def _take(self, name: str, by: int) -> threading.Lock:
        """Change a lock's number of users; remove it with the last user."""
        with self._guard:
            lock, users = self._locks.get(name, (threading.Lock(), 0))
            self._locks[name] = lock, users + by
            if not users + by:
                del self._locks[name]
            return lock
