# SPDX-License-Identifier: Apache-2.0
"""Runs the node's chores now and then, such as the removal of idle images."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from virtman.exception import VirtmanError

LOG = logging.getLogger(__name__)


class Housekeeping(threading.Thread):
    """Runs its chores every ``interval`` seconds until stopped.

    A chore that fails does not stop the others.

    :param first: the chores that run once, at the start.
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
        """Run the first chores once, then the others again and again."""
        self._do(self._first)
        while not self._end.wait(self._interval):
            self.turn()

    def turn(self) -> None:
        """Run every chore once."""
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
        """Stop the chores; return when the thread has ended."""
        self._end.set()
        if self.is_alive():
            self.join()
