# SPDX-License-Identifier: Apache-2.0
"""The thread that evicts, and when it may.

Only who was listening can say that somebody else was silent.  So after a
start, and after it was held up itself (the machine slept, the process was
stopped, the registry was away, the clock was set), the thread listens for
one full limit before it evicts again.
"""

import logging
import threading
import time
from collections.abc import Callable

from volt.exception import Unavailable

LOG = logging.getLogger(__name__)

Clocks = tuple[float, float]
"""Monotonic and wall clock, read together."""


def read_clocks() -> Clocks:
    """Return both clocks, in seconds."""
    return time.monotonic(), time.time()


class Watch:
    """Decides at each turn whether it has listened for long enough."""

    def __init__(
        self,
        sweep: Callable[[], int],
        interval: float,
        silence: float,
        clocks: Callable[[], Clocks] = read_clocks,
    ) -> None:
        self._sweep = sweep
        self._interval = interval
        self._silence = silence
        self._clocks = clocks
        self._last = clocks()
        self._listen_until = self._last[0] + silence

    def turn(self) -> int:
        """Sweep, or go on listening; return the number of peers evicted."""
        if self._held_up():
            LOG.warning("held up, or the clock was set: listening again")
            self._listen()
        if self._clocks()[0] < self._listen_until:
            return 0
        try:
            return self._sweep()
        except Unavailable:
            self._listen()
            raise

    def _listen(self) -> None:
        self._listen_until = self._clocks()[0] + self._silence

    def _held_up(self) -> bool:
        before, self._last = self._last, self._clocks()
        steady, wall = (
            new - old for new, old in zip(self._last, before, strict=True)
        )
        late = steady > 2 * self._interval
        return late or abs(wall - steady) > self._interval


class Evictor(threading.Thread):
    """Takes turns until it is stopped; a failed turn does not end it."""

    def __init__(self, watch: Watch, interval: float) -> None:
        super().__init__(name='evictor', daemon=True)
        self._watch = watch
        self._interval = interval
        self._stopped = threading.Event()

    def run(self) -> None:
        """Take one turn each interval."""
        while not self._stopped.wait(self._interval):
            try:
                self._watch.turn()
            except Exception:
                LOG.exception("a turn of the evictor failed; it goes on")

    def stop(self) -> None:
        """Ask the thread to end, and return at once."""
        self._stopped.set()
