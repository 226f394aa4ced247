# SPDX-License-Identifier: Apache-2.0
"""Watches the paths of all images: a failed one is noticed in half a second.

The kernel's events tell of paths that failed under a reader.  Without a reader
only the session's state shows it; that is read twice a second, which is a file
in /sys for each path.  Now and then the devices are asked, too, in case an
event was never sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from typing import Protocol

from virtman.worker import Worker

# Seconds between two looks at the sessions, and at all devices.
_LOOK_EVERY, _ASK_EVERY = 0.5, 10.0


class Events(Protocol):
    """The kernel's events about paths."""

    def wait(self, seconds: float) -> set[str] | None:
        """Return the images whose paths changed; None: any may have."""

    def close(self) -> None:
        """Stop listening for events."""


class _Every:
    """A container that has every image in it."""

    def __contains__(self, image: object) -> bool:
        return True


class PathMonitor(Worker):
    """Calls ``look`` with the images whose devices are to be asked."""

    def __init__(
        self, events: Events, look: Callable[[Container[str]], None]
    ) -> None:
        super().__init__("path-monitor", self.turn)
        self._events = events
        self._look = look
        self._ask_at = 0.0

    def run(self) -> None:
        """Check the paths until stopped."""
        super().run()
        self._events.close()

    def turn(self) -> None:
        """Wait shortly for an event, then check the paths once."""
        changed = self._events.wait(_LOOK_EVERY)
        now = time.monotonic()
        if changed is None or now >= self._ask_at:
            self._ask_at = now + _ASK_EVERY
            self._look(_Every())
        else:
            self._look(changed)
