# SPDX-License-Identifier: Apache-2.0
"""The node's pulse: tell volt what is served and has failed, do as it says.

Nothing that takes long is done here (``housekeeping.py`` does it): a failed
parent is to be told at once.
"""

from __future__ import annotations

import logging
import threading

from virtman.coordinator.beat_schedule import BeatSchedule
from virtman.coordinator.protocol import Coordinator
from virtman.exception import VirtmanError
from virtman.node.node import Node

LOG = logging.getLogger(__name__)


class Heartbeat(threading.Thread):
    """Beats when the beat_schedule says so, until stopped."""

    def __init__(
        self, node: Node, coordinator: Coordinator, beat_schedule: BeatSchedule
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._node = node
        self._coordinator = coordinator
        self._beat_schedule = beat_schedule
        self._volt_was_away = False

    def run(self) -> None:
        """Beat on, whatever a single beat ran into."""
        while self._beat_schedule.wait():
            heard = False
            try:
                heard = self.beat()
            except Exception:
                LOG.exception("heartbeat failed; the next goes on")
            self._beat_schedule.reckon_from(heard)

    def beat(self) -> bool:
        """Beat once; return whether volt heard it."""
        try:
            told = self._coordinator.beat(self._node.reports())
        except VirtmanError as error:
            if not self._volt_was_away:
                LOG.warning("%s; what is read now goes on being read", error)
            self._volt_was_away = True
            return False
        if self._volt_was_away:
            LOG.info("volt answers again")
        self._volt_was_away = False
        self._beat_schedule.set_interval(told.beat_after)
        self._node.reassign(told.assignments)
        return True

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._beat_schedule.end()
        if self.is_alive():
            self.join()
