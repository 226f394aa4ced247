# SPDX-License-Identifier: Apache-2.0
"""Runs the node's chores now and then, such as the removal of idle images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from virtman.exception import VirtmanError
from virtman.worker import Worker

LOG = logging.getLogger(__name__)


class Housekeeping(Worker):
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
        super().__init__("housekeeping", self._wait_and_work)
        self._first = first
        self._chores = chores
        self._interval = interval

    def run(self) -> None:
        """Run the first chores once, then the others again and again."""
        self._do(self._first)
        super().run()

    def work(self) -> None:
        """Run every chore once."""
        self._do(self._chores)

    def _wait_and_work(self) -> None:
        if not self.ending.wait(self._interval):
            self.work()

    def _do(self, chores: Sequence[Callable[[], None]]) -> None:
        for chore in chores:
            try:
                chore()
            except VirtmanError as error:
                LOG.warning("%s", error)
            except Exception:
                LOG.exception("a chore failed; housekeeping goes on")
