# SPDX-License-Identifier: Apache-2.0
"""What is put in order now and then: idle images go, news are made up for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from virtman.exception import VirtmanError

LOG = logging.getLogger(__name__)


class Housekeeping(threading.Thread):
    """Does some chores every ``interval`` seconds until stopped.

    :param first: what is done once, at the start.
    One that fails keeps none of the others from being done.
    """

    def __init__(
        self,
        chores: Sequence[Callable[[], None]],
        interval: float,
        first: Sequence[Callable[[], None]] = (),
    ) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._first = first
        self._chores = chores
        self._interval = interval
        self._end = threading.Event()

    def run(self) -> None:
        """Go round after round."""
        self._do(self._first)
        while not self._end.wait(self._interval):
            self.turn()

    def turn(self) -> None:
        """Do every chore once."""
        self._do(self._chores)

    def _do(self, chores: Sequence[Callable[[], None]]) -> None:
        for chore in chores:
            try:
                chore()
            except VirtmanError as error:
                LOG.warning("%s", error)
            except Exception:
                LOG.exception("housekeeping failed; it goes on")

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._end.set()
        if self.is_alive():
            self.join()
