# SPDX-License-Identifier: Apache-2.0
"""The node's pulse: clean up, tell volt what is served, apply its answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from virtman.drivers.volt import Coordinator
from virtman.exception import VirtmanError
from virtman.imageservice import ImageService
from virtman.node import Node

LOG = logging.getLogger(__name__)


class Heartbeat(threading.Thread):
    """Beats every ``interval`` seconds until stopped."""

    def __init__(
        self,
        node: Node,
        images: ImageService,
        coordinator: Coordinator,
        interval: float,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._node = node
        self._images = images
        self._coordinator = coordinator
        self._interval = interval
        self._end = threading.Event()
        self._volt_was_away = False

    def run(self) -> None:
        """Beat on, whatever a single beat ran into."""
        while not self._end.wait(self._interval):
            self.beat()

    def beat(self) -> None:
        """Beat once.  Volt hears of us first: cleaning up may take long.

        A step that fails keeps none of the others from being done.
        """
        self._safely(self._talk)
        self._safely(self._node.collect)

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._end.set()
        if self.is_alive():
            self.join()

    def _talk(self) -> None:
        try:
            answer = self._coordinator.beat(self._node.seats())
        except VirtmanError as error:
            if not self._volt_was_away:
                LOG.warning("%s; what is read now goes on being read", error)
            self._volt_was_away = True
            return
        if self._volt_was_away:
            LOG.info("volt answers again")
        self._volt_was_away = False
        self._safely(lambda: self._node.reassign(answer))
        self._safely(self._images.republish)

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except VirtmanError as error:
            LOG.warning("%s", error)
        except Exception:
            LOG.exception("heartbeat failed; the next goes on")
