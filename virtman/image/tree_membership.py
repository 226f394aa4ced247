# SPDX-License-Identifier: Apache-2.0
"""A node's place in volt's tree of one image: asked for, taken, given back."""

from __future__ import annotations

import dataclasses
import logging
import random
import time
from collections.abc import Sequence

from virtman.drivers import iscsi
from virtman.exception import VirtmanError, WrongIdentity
from virtman.image.services import Toolbox
from virtman.model import Assignment, ImageFacts, Seat
from virtman.path import Source

LOG = logging.getLogger(__name__)

# Seconds between two questions for a place in a tree that is full for now.
_ASK_AGAIN = (0.2, 1.0)


class Place:
    """Where this node stands in the tree, and under which address.

    :param source: a source of the image; its iSCSI name is everybody's.
    """

    def __init__(self, image: str, source: Source, tools: Toolbox) -> None:
        self._tools = tools
        self._seat = Seat(
            image,
            tools.settings.host_ip,
            tools.settings.iscsi_port,
            source.iqn,
            iscsi.LUN,
        )

    @property
    def seat(self) -> Seat:
        """The seat; without a peer id as long as volt has given none."""
        return self._seat

    def ask(self, patience: float, known: ImageFacts | None) -> Assignment:
        """Ask until volt has a place, at most ``patience`` seconds.

        With jitter: nodes that were refused together must not come back
        together.  Without a place the node reads from the image server and
        serves nobody.

        :param known: the content that stands here already, if any does.
        :raises VoltAway: no answer.
        :raises WrongIdentity: volt knows other content under this name.
        """
        coordinator = self._tools.coordinator
        deadline = time.monotonic() + patience
        answer = self._assign()
        while answer.peer_id is None and coordinator.gives_places:
            if time.monotonic() > deadline:
                LOG.warning("volt has no place for %s", self._seat.image)
                break
            time.sleep(random.uniform(*_ASK_AGAIN))  # noqa: S311 - jitter
            answer = self._assign()
        self._sit(answer.peer_id)
        if known is not None:
            self._compare(answer, known.serial)
        return answer

    def take(
        self, serial: str, failed: Sequence[Source] = ()
    ) -> Assignment | None:
        """Take a place late, and say at once that it is served.

        :param serial: of the content that is served.
        :returns: None when there is one already, or still none.
        :raises VoltAway: no answer.
        :raises WrongIdentity: volt knows other content under this name.
        """
        if self._seat.peer_id:
            return None
        answer = self._assign(failed)
        if answer.peer_id is None:
            return None
        self._sit(answer.peer_id)
        self._compare(answer, serial)
        self._tools.coordinator.register(self._seat)
        LOG.info("%s has its place in the tree", self._seat.image)
        return answer

    def leave(self) -> None:
        """Give the place back; a volt that is away finds out by itself."""
        try:
            self._tools.coordinator.leave(self._seat)
        except VirtmanError as error:
            LOG.warning(
                "%s; the place of %s is not given back",
                error, self._seat.image,
            )  # fmt: skip
        self._sit(None)

    def _compare(self, answer: Assignment, serial: str) -> None:
        known = answer.image
        if known is not None and known.serial != serial:
            self.leave()
            raise WrongIdentity(
                f"{self._seat.image} is not served to others: volt knows it "
                f"with serial {known.serial!r}, here it has {serial!r}"
            )

    def _assign(self, failed: Sequence[Source] = ()) -> Assignment:
        answer = self._tools.coordinator.assign(self._seat, failed)
        self._tools.rhythm.told(answer.beat_after)
        return answer

    def _sit(self, peer_id: str | None) -> None:
        self._seat = dataclasses.replace(self._seat, peer_id=peer_id)
