# SPDX-License-Identifier: Apache-2.0
"""Computes when the next beat is due.

volt sets the interval between two beats, longer in a larger cluster.  Until
then the configured interval holds; while volt is away, the last one that it
set.  Around it there is jitter: agents that were started together must not
beat together.  Urgent news brings the next beat at once, and again soon if
volt did not answer.
"""

from __future__ import annotations

import random
import threading
import time

# Seconds.  An interval of volt's beyond these bounds is cut to them.
LEAST, MOST = 0.1, 3600.0
# Parts of the interval; their mean is the interval, so that volt has the load
# that it has reckoned with.
_JITTER = (0.9, 1.1)
# Seconds between two beats at least, however much news there is.
_APART = 0.5
# Seconds until a beat with news that volt did not answer is repeated; doubled
# each time.
_AGAIN = 1.0


class BeatSchedule:
    """The schedule of the beats; any thread may change it.

    :param interval: seconds between two beats until volt says otherwise.
    """

    def __init__(self, interval: float) -> None:
        self._changed = threading.Condition()
        self._interval = interval
        self._last = float("-inf")
        # Anywhere in the interval: agents that start together beat apart.
        self._due = time.monotonic() + interval * random.random()  # noqa: S311
        self._expedited = self._unheard = self._ended = False
        self._again = _AGAIN

    @property
    def interval(self) -> float:
        """The interval between two beats now, in seconds."""
        return self._interval

    def set_interval(self, seconds: float | None) -> None:
        """Set the interval that volt asks for; None leaves the last one."""
        if seconds is None:
            return
        with self._changed:
            self._interval = min(max(seconds, LEAST), MOST)
            self._due = min(self._due, time.monotonic() + self._pause())
            self._changed.notify_all()

    def expedite(self) -> None:
        """Make the next beat due now; returns at once."""
        with self._changed:
            self._expedited = True
            self._changed.notify_all()

    def wait(self) -> bool:
        """Wait for the next beat; return False once the schedule has ended."""
        with self._changed:
            while not self._ended:
                seconds = self._next() - time.monotonic()
                if seconds <= 0:
                    self._unheard = self._unheard or self._expedited
                    self._expedited = False
                    return True
                self._changed.wait(seconds)
            return False

    def reckon_from(self, heard: bool) -> None:
        """Reckon the next beat from this one.

        :param heard: whether volt answered this beat.
        """
        with self._changed:
            self._last = time.monotonic()
            pause = self._pause()
            if heard:
                self._unheard, self._again = False, _AGAIN
            elif self._unheard:
                pause = min(pause, self._again)
                self._again *= 2
            self._due = self._last + pause

    def end(self) -> None:
        """Let :meth:`wait` return False from now on."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self) -> float:
        return (
            min(self._due, self._last + _APART)
            if self._expedited
            else self._due
        )

    def _pause(self) -> float:
        return self._interval * random.uniform(*_JITTER)  # noqa: S311
