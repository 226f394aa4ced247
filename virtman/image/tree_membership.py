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

# Seconds between two questions for a place in a tree that is full for now.
_ASK_AGAIN = (0.2, 1.0)


class TreeMembership:
    """Where this node stands in the tree, and under which address.

    :param source: a source of the image; its iSCSI name is everybody's.
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
        """The peer; without a peer id as long as volt has given none."""
        return self._peer

    def ask(self, patience: float, known: ImageFacts | None) -> Assignment:
        """Ask until volt has a place, at most ``patience`` seconds.

        With jitter: nodes that were refused together must not come back
        together.  Without a place the node reads from the image server and
        serves nobody.

        :param known: the content that stands here already, if any does.
        :raises VoltAway: no answer.
        :raises WrongIdentity: volt knows other content under this name.
        """
        coordinator = self._services.coordinator
        deadline = time.monotonic() + patience
        answer = self._assign()
        while answer.peer_id is None and coordinator.gives_places:
            if time.monotonic() > deadline:
                LOG.warning("volt has no place for %s", self._peer.image)
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
        """Give the place back; a volt that is away finds out by itself."""
        try:
            self._services.coordinator.leave(self._peer)
        except VirtmanError as error:
            LOG.warning(
                "%s; the place of %s is not given back",
                error, self._peer.image,
            )  # fmt: skip
        self._sit(None)

    def _compare(self, answer: Assignment, serial: str) -> None:
        known = answer.image
        if known is not None and known.serial != serial:
            self.leave()
            raise WrongIdentity(
                f"{self._peer.image} is not served to others: volt knows it "
                f"with serial {known.serial!r}, here it has {serial!r}"
            )

    def _assign(self, failed: Sequence[Source] = ()) -> Assignment:
        answer = self._services.coordinator.assign(self._peer, failed)
        self._services.beat_schedule.set_interval(answer.beat_after)
        return answer

    def _sit(self, peer_id: str | None) -> None:
        self._peer = dataclasses.replace(self._peer, peer_id=peer_id)
