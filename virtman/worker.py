# SPDX-License-Identifier: Apache-2.0
"""A daemon thread that repeats a turn until it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)
# Seconds until the next turn after one that failed by a fault of the program:
# without the pause such a fault would take a whole CPU.
_AFTER_FAULT = 0.5


class Worker(threading.Thread):
    """Repeats a turn in a thread of its own until stopped.

    A turn that raises does not end the thread: what it looks after would be
    left alone from then on.

    :param turn: waits for work and does it; it is called again and again.
    :param wake: makes a turn that waits for work return.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], object],
        wake: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._turn = turn
        self._wake = wake
        self.ending = threading.Event()

    def run(self) -> None:
        """Repeat the turn until stopped."""
        while not self.ending.is_set():
            try:
                self._turn()
            except Exception:
                LOG.exception("%s: a turn failed; the next goes on", self.name)
                self.ending.wait(_AFTER_FAULT)

    def stop(self) -> None:
        """Stop the turns; return when the thread has ended."""
        self.ending.set()
        self._wake()
        if self.is_alive():
            self.join()
