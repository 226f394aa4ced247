# SPDX-License-Identifier: Apache-2.0
"""What keystone has said lately, so that it is not asked at each beat.

keystonemiddleware's own memory in the process looks through all tokens at
each question; there may be one for each node.
"""

import threading
import time
from collections.abc import Callable

import cachetools

from volt.exception import Unavailable

LARGEST = 20_000
"""Tokens; as many as there may be connections (about 1 KB each)."""
FIRST_REST, LONGEST_REST = 2.0, 30.0
"""Seconds."""


class Patience:
    """Keeps from asking soon again who was away, longer each time.

    Asking takes seconds then, in which volt does nothing else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rest = FIRST_REST
        self._until = clock()
        self._refused = False

    def check(self) -> None:
        """Raise ``Unavailable`` until it may be asked."""
        if self._clock() < self._until:
            raise self.refusal()

    def lost(self) -> None:
        """Note that it was away."""
        self._until = self._clock() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)

    def found(self) -> None:
        """Note that it answered."""
        self._rest, self._until = FIRST_REST, self._clock()

    def refusal(self) -> Unavailable:
        """Return what a caller is told who has to wait."""
        self._refused = True
        return Unavailable(
            "keystone does not answer, so nobody knows who you are",
            retry_after=self._until - self._clock(),
        )

    def refused(self) -> bool:
        """Return whether a caller had to wait, since this was last asked."""
        told, self._refused = self._refused, False
        return told


class Memory:
    """The cache that keystonemiddleware is given with each request."""

    def __init__(
        self,
        seconds: float,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep answers for so long; 0 or less is not at all."""
        self._patience = patience
        self._lock = threading.Lock()
        self._kept: cachetools.TTLCache[str, bytes] = cachetools.TTLCache(
            LARGEST, max(seconds, 0), clock
        )

    def get(self, key: str) -> bytes | None:
        """Return what was set; None sends the question to keystone.

        Raises ``Unavailable`` instead while keystone is not to be asked.
        """
        with self._lock:
            found: bytes | None = self._kept.get(key)
        if found is None:
            self._patience.check()
        return found

    def set(self, key: str, value: bytes, time: float = 0) -> None:
        """Keep what keystone answered just now."""
        self._patience.found()
        with self._lock:
            self._kept[key] = value
