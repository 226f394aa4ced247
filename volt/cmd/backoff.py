# SPDX-License-Identifier: Apache-2.0
"""Delays new workers when others have died soon after their start.

Not by tenacity: that repeats a call in a loop of its own, and here it is the
supervisor's loop that waits, for signals, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST = 0.5
"""Seconds until the first new attempt; each further one takes twice that."""
LONGEST = 30.0
"""Seconds; no pause is longer."""
STEADY = 10.0
"""Seconds that a worker has to live to count as one that works."""


class Backoff:
    """The pauses between new workers, which grow while workers die young."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = clock()
        self._pause = 0.0

    def note(self, born: float) -> float:
        """Note a worker's death; return the seconds until the next start."""
        now = self._clock()
        if now - born >= STEADY:
            self._pause = 0.0
        elif now >= self._until:
            # Several that die together have one cause, and one pause.
            self._pause = min(max(FIRST, self._pause * 2), LONGEST)
            self._until = now + self._pause
        return self.left()

    def left(self) -> float:
        """Return the seconds until a worker may be started."""
        return max(0.0, self._until - self._clock())
