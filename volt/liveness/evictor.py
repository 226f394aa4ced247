# SPDX-License-Identifier: Apache-2.0
"""The thread that evicts, and the rules for when it may.

A node counts as silent only if volt could hear it all the time.  So after a
start, and after it was held up itself (the machine slept, the process was
stopped, the registry was away, the clock was set), the thread listens for
one full limit before it evicts again.  Listening means that the registry
accepted writes at every turn, and that keystone, if it is in use, could
validate callers: a beat that is refused through no fault of its node is not
heard.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from volt.exception import Unavailable

LOG = logging.getLogger(__name__)

Clocks = tuple[float, float]
"""Monotonic and wall clock, read together."""


def read_clocks() -> Clocks:
    """Return the monotonic and the wall clock, in seconds."""
    return time.monotonic(), time.time()


class EvictionGate:
    """Decides at each turn whether volt has listened for long enough."""

    def __init__(
        self,
        sweep: Callable[[], int],
        ask: Callable[[], None],
        clock_was_set: Callable[[], None],
        interval: float,
        silence: Callable[[], float],
        clocks: Callable[[], Clocks] = read_clocks,
        was_deaf: Callable[[], bool] = lambda: False,
    ) -> None:
        self._was_deaf = was_deaf
        self._deaf = False
        self._sweep = sweep
        self._ask = ask
        self._clock_was_set = clock_was_set
        self._interval = interval
        # A thread on a busy machine may be late by a second at any interval.
        self._tolerance = max(interval, 1.0)
        self._silence = silence
        self._clocks = clocks
        self._last = clocks()
        self._listen_until = self._last[0] + silence()

    def turn(self) -> int:
        """Sweep, or listen on; return the number of peers evicted."""
        steady, wall = self._elapsed()
        if steady > self._interval + self._tolerance:
            LOG.warning(
                "the evictor was held up for %.0f s: it listens for a full "
                "limit before it evicts again",
                steady,
            )
            self._listen()
        if self._hears_nothing():
            self._listen()
        try:
            if abs(wall - steady) > self._tolerance:
                LOG.warning("the clock was set by %.0f s", wall - steady)
                self._listen()
                self._clock_was_set()
            if self._last[0] >= self._listen_until:
                return self._sweep()
            self._ask()
        except Unavailable:
            self._listen()
            raise
        return 0

    def _hears_nothing(self) -> bool:
        before, self._deaf = self._deaf, self._was_deaf()
        if self._deaf and not before:
            LOG.warning(
                "beats are refused for no fault of the nodes: eviction is "
                "suspended"
            )
        return self._deaf

    def _listen(self) -> None:
        self._listen_until = self._last[0] + self._silence()

    def _elapsed(self) -> Clocks:
        """Return the time since the last turn by each clock."""
        before, self._last = self._last, self._clocks()
        return self._last[0] - before[0], self._last[1] - before[1]


class Evictor(threading.Thread):
    """Runs turns until it is stopped; a failed turn does not end it."""

    def __init__(
        self,
        gate: EvictionGate,
        interval: float,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(name="evictor", daemon=True)
        self._gate = gate
        self._interval = interval
        self._at_end = at_end
        self._stopped = threading.Event()

    def run(self) -> None:
        """Run one turn each interval."""
        while not self._stopped.wait(self._interval):
            try:
                self._gate.turn()
            except Unavailable as reason:
                LOG.warning("eviction is suspended: %s", reason)
            except Exception:
                LOG.exception("a turn of the evictor failed; it goes on")
        try:
            self._at_end()
        except Exception:
            LOG.exception("the evictor could not end cleanly")

    def stop(self, timeout: float = 2.0) -> None:
        """Ask the thread to end; wait ``timeout`` seconds for it at most."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout)
