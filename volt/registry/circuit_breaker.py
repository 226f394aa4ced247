# SPDX-License-Identifier: Apache-2.0
"""Refuses requests at once for a moment after the database was away.

A request that finds the database away has waited for seconds.  For a moment
after it, others fail at once instead of waiting too; then one may try again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from volt.exception import Unavailable

PAUSE = 1.0
"""Seconds for which no request tries the database again."""


class CircuitBreaker:
    """The breaker before the database, open for a moment after an outage."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open_until = 0.0
        self._reason = ""

    def check(self) -> None:
        """Raise ``Unavailable`` if the breaker is open."""
        if self._clock() < self._open_until:
            raise Unavailable(self._reason)

    def trip(self, reason: str) -> None:
        """Open for a moment; ``reason`` is for the refused."""
        self._open_until = self._clock() + PAUSE
        self._reason = reason
