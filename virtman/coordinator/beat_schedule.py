# SPDX-License-Identifier: Apache-2.0
"""When the next heartbeat is due.

volt says after which time it wants to hear of a node again, longer in a
larger cluster; until it has said so the configured interval holds, and while
it is away the last one said.  Around it there is jitter: agents that were
started together must not beat together.  News that cannot wait are told at
once, and again soon if nobody heard them.
"""

from __future__ import annotations

import random
import threading
import time

# Seconds.  What volt says is taken between these bounds, whatever it is.
LEAST, MOST = 0.1, 3600.0
# Parts of the interval; their mean is the interval, so that volt has the load
# that it has reckoned with.
_JITTER = (0.9, 1.1)
# Between two beats there are so many seconds, be there ever so many news.
_APART = 0.5
# Seconds until news that nobody heard are told again; doubled each time.
_AGAIN = 1.0


class BeatSchedule:
    """The clock of the heartbeat; any thread may change it.

    :param interval: seconds between two beats until volt says otherwise.
    """

    def __init__(self, interval: float) -> None:
        self._changed = threading.Condition()
        self._interval = interval
        self._last = float("-inf")
        self._due = time.monotonic() + interval * random.random()  # noqa: S311
        self._news = self._untold = self._ended = False
        self._again = _AGAIN

    @property
    def interval(self) -> float:
        """Seconds between two beats now."""
        return self._interval

    def set_interval(self, seconds: float | None) -> None:
        """Take volt's word for the interval; None: it has not said any."""
        if seconds is None:
            return
        with self._changed:
            self._interval = min(max(seconds, LEAST), MOST)
            self._due = min(self._due, time.monotonic() + self._pause())
            self._changed.notify_all()

    def expedite(self) -> None:
        """Have the next beat at once; returns at once."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def wait(self) -> bool:
        """Return True when a beat is due, False when there is none more."""
        with self._changed:
            while not self._ended:
                left = self._next() - time.monotonic()
                if left <= 0:
                    self._untold = self._untold or self._news
                    self._news = False
                    return True
                self._changed.wait(left)
            return False

    def reckon_from(self, heard: bool) -> None:
        """Reckon the next beat from this one, which volt heard or did not."""
        with self._changed:
            self._last = time.monotonic()
            pause = self._pause()
            if heard:
                self._untold, self._again = False, _AGAIN
            elif self._untold:
                pause = min(pause, self._again)
                self._again *= 2
            self._due = self._last + pause

    def end(self) -> None:
        """Let :meth:`wait` return False from now on."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self) -> float:
        return min(self._due, self._last + _APART) if self._news else self._due

    def _pause(self) -> float:
        return self._interval * random.uniform(*_JITTER)  # noqa: S311
