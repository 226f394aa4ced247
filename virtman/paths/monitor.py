# SPDX-License-Identifier: Apache-2.0
"""Sees to it that a failed path is noticed within half a second.

The kernel's events tell of paths that failed under a reader.  Where nobody
reads, only the session knows; its state is looked up twice a second, which is
a file in /sys for each path.  Now and then the devices are asked, too, in
case an event was never sent.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Container
from typing import Protocol

LOG = logging.getLogger(__name__)

# Seconds between two looks at the sessions, and at all devices.
_LOOK_EVERY, _ASK_EVERY = 0.5, 10.0


class Events(Protocol):
    """Who tells of paths."""

    def wait(self, seconds: float) -> set[str] | None:
        """Return the images whose paths changed; None: any may have."""

    def close(self) -> None:
        """Listen no more."""


class _Every:
    """Holds every image."""

    def __contains__(self, image: object) -> bool:
        return True


class PathMonitor(threading.Thread):
    """Calls ``look`` with the images whose devices are to be asked."""

    def __init__(
        self, events: Events, look: Callable[[Container[str]], None]
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._events = events
        self._look = look
        self._end = threading.Event()
        self._ask_at = 0.0

    def run(self) -> None:
        """Look on, whatever a single look ran into."""
        while not self._end.is_set():
            try:
                self.turn()
            except Exception:
                LOG.exception("the paths were not seen; the next look goes on")
                self._end.wait(_LOOK_EVERY)
        self._events.close()

    def turn(self) -> None:
        """Wait for an event, not for long, and look."""
        changed = self._events.wait(_LOOK_EVERY)
        now = time.monotonic()
        if changed is None or now >= self._ask_at:
            self._ask_at = now + _ASK_EVERY
            self._look(_Every())
        else:
            self._look(changed)

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._end.set()
        if self.is_alive():
            self.join()
