# SPDX-License-Identifier: Apache-2.0
"""The beats of this node: its peers and failed sources, and volt's answer.

Long work is left to ``housekeeping.py``: a failed source must be reported at
once.
"""

from __future__ import annotations

import logging

from virtman.coordinator.beat_schedule import BeatSchedule
from virtman.coordinator.protocol import Coordinator
from virtman.exception import VirtmanError
from virtman.node.node import Node
from virtman.worker import Worker

LOG = logging.getLogger(__name__)


class Heartbeat(Worker):
    """Beats when the schedule says so, until stopped."""

    def __init__(
        self, node: Node, coordinator: Coordinator, beat_schedule: BeatSchedule
    ) -> None:
        super().__init__("heartbeat", self._turn_once, beat_schedule.end)
        self._node = node
        self._coordinator = coordinator
        self._beat_schedule = beat_schedule
        self._volt_was_away = False

    def _turn_once(self) -> None:
        """Wait for the next beat, and send it."""
        if not self._beat_schedule.wait():
            return
        heard = False
        try:
            heard = self.beat()
        finally:
            self._beat_schedule.reckon_from(heard)

    def beat(self) -> bool:
        """Send one beat and apply its answer; return whether volt answered."""
        try:
            answer = self._coordinator.beat(self._node.reports())
        except VirtmanError as error:
            if not self._volt_was_away:
                LOG.warning(
                    "%s; images go on being read from their present sources",
                    error,
                )
            self._volt_was_away = True
            return False
        if self._volt_was_away:
            LOG.info("volt answers again")
        self._volt_was_away = False
        self._beat_schedule.set_interval(answer.beat_after)
        self._node.reassign(answer.assignments)
        return True
