# SPDX-License-Identifier: Apache-2.0
"""Keeps requests from waiting one after the other for what is away.

A request that finds the database away has waited for seconds.  For a moment
after it, others are told so at once; then one may look again.
"""

import time
from collections.abc import Callable

from volt.exception import Unavailable

PAUSE = 1.0
"""Seconds for which nobody looks again."""


class Gate:
    """Open as long as nothing is known to be wrong."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._closed_until = 0.0
        self._reason = ""

    def check(self) -> None:
        """Raise ``Unavailable`` if it is closed."""
        if self._clock() < self._closed_until:
            raise Unavailable(self._reason)

    def close(self, reason: str) -> None:
        """Close it for a moment."""
        self._closed_until = self._clock() + PAUSE
        self._reason = reason
