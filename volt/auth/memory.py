# SPDX-License-Identifier: Apache-2.0
"""Remembers keystone's recent answers, so that not every beat asks it.

keystonemiddleware's own cache in the process looks through all tokens at
each request; there may be one token for each node.  The pause after an outage
is not tenacity's: that repeats one call, and here each caller is refused until
the pause is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import cachetools

from volt.exception import Unavailable

LARGEST = 20_000
"""Tokens; as many as there may be connections (about 1 KB each)."""
FIRST_REST, LONGEST_REST = 2.0, 30.0
"""Seconds."""


class Backoff:
    """Delays the next question to keystone after an outage, longer each time.

    A question takes seconds then, in which volt does nothing else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rest = FIRST_REST
        self._until = clock()
        self._refused = False

    def check(self) -> None:
        """Raise ``Unavailable`` until keystone may be asked again."""
        if self._clock() < self._until:
            raise self.refusal()

    def lost(self) -> None:
        """Note that keystone did not answer."""
        self._until = self._clock() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)

    def answered(self) -> None:
        """Note that keystone answered."""
        self._rest, self._until = FIRST_REST, self._clock()

    def refusal(self) -> Unavailable:
        """Return the error for a caller that has to wait, and note it."""
        self._refused = True
        return Unavailable(
            "keystone does not answer, so volt cannot validate the token",
            retry_after=self._until - self._clock(),
        )

    def refused(self) -> bool:
        """Return whether a caller had to wait since the last call."""
        refused, self._refused = self._refused, False
        return refused


class Memory:
    """The token cache that keystonemiddleware gets with each request."""

    def __init__(
        self,
        seconds: float,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep answers for ``seconds``; 0 or less keeps none."""
        self._backoff = backoff
        self._lock = threading.Lock()
        self._kept: cachetools.TTLCache[str, bytes] = cachetools.TTLCache(
            LARGEST, max(seconds, 0), clock
        )

    def get(self, key: str) -> bytes | None:
        """Return the answer for a token; None sends the question to keystone.

        Raises ``Unavailable`` instead while keystone must not be asked.
        """
        with self._lock:
            answer: bytes | None = self._kept.get(key)
        if answer is None:
            self._backoff.check()
        return answer

    def set(self, key: str, value: bytes, time: float = 0) -> None:
        """Keep the answer that keystone gave just now."""
        self._backoff.answered()
        with self._lock:
            self._kept[key] = value
