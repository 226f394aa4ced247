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
from virtman.image.services import Services
from virtman.model import Assignment, ImageFacts, PeerAddress
from virtman.path import Source

LOG = logging.getLogger(__name__)

# Seconds, at random between the two, after which a tree that was full is asked
# for a place again.
_ASK_AGAIN = (0.2, 1.0)


class TreeMembership:
    """The peer of this node in the tree of one image.

    :param source: a source of the image; every source has its iSCSI name.
    """

    def __init__(self, image: str, source: Source, services: Services) -> None:
        self._services = services
        self._peer = PeerAddress(
            image,
            services.settings.host_ip,
            services.settings.iscsi_port,
            source.iqn,
            iscsi.LUN,
        )

    @property
    def peer(self) -> PeerAddress:
        """The node's peer; without an id until volt has given one."""
        return self._peer

    def ask(self, timeout: float, facts: ImageFacts | None) -> Assignment:
        """Ask volt for a place, for at most ``timeout`` seconds.

        The pauses are random: nodes that were refused together must not ask
        again together.  Without a place the node reads from the image server
        and has no children.

        :param facts: of the content that stands here already, if any does.
        :raises VoltAway: no answer.
        :raises WrongIdentity: volt knows other content under this name.
        """
        coordinator = self._services.coordinator
        deadline = time.monotonic() + timeout
        answer = self._assign()
        while answer.peer_id is None and coordinator.gives_places:
            if time.monotonic() > deadline:
                LOG.warning(
                    "volt has no place in the tree of %s; its image server is "
                    "read",
                    self._peer.image,
                )
                break
            time.sleep(random.uniform(*_ASK_AGAIN))  # noqa: S311 - jitter
            answer = self._assign()
        self._sit(answer.peer_id)
        if facts is not None:
            self._compare(answer, facts.serial)
        return answer

    def take(
        self, serial: str, failed: Sequence[Source] = ()
    ) -> Assignment | None:
        """Take a place after the deployment, and register it at once.

        :param serial: of the image that is served.
        :returns: None if the node has a place already, or volt has none.
        :raises VoltAway: no answer.
        :raises WrongIdentity: volt knows other content under this name.
        """
        if self._peer.peer_id:
            return None
        answer = self._assign(failed)
        if answer.peer_id is None:
            return None
        self._sit(answer.peer_id)
        self._compare(answer, serial)
        self._services.coordinator.register(self._peer)
        LOG.info("%s has its place in the tree", self._peer.image)
        return answer

    def leave(self) -> None:
        """Give the place back to volt; if volt is away, only log that."""
        try:
            self._services.coordinator.leave(self._peer)
        except VirtmanError as error:
            LOG.warning(
                "%s; the place in the tree of %s is not given back",
                error, self._peer.image,
            )  # fmt: skip
        self._sit(None)

    def _compare(self, answer: Assignment, serial: str) -> None:
        facts = answer.image
        if facts is not None and facts.serial != serial:
            self.leave()
            raise WrongIdentity(
                f"{self._peer.image} is not served to others: volt knows it "
                f"with serial {facts.serial!r}, here it has {serial!r}"
            )

    def _assign(self, failed: Sequence[Source] = ()) -> Assignment:
        answer = self._services.coordinator.assign(self._peer, failed)
        self._services.beat_schedule.set_interval(answer.beat_after)
        return answer

    def _sit(self, peer_id: str | None) -> None:
        self._peer = dataclasses.replace(self._peer, peer_id=peer_id)
