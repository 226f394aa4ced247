# SPDX-License-Identifier: Apache-2.0
"""The calls that the agent makes to its coordinator.

The coordinator is volt (:mod:`virtman.coordinator.volt`).  A node without the
option ``master_ip`` works :class:`Alone`: its answers are those of an empty
tree, and the node reads from the image server that the caller names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from virtman.exception import VirtmanError
from virtman.model import (
    Assignment,
    BeatAnswer,
    ImageFacts,
    PeerAddress,
    PeerReport,
)
from virtman.path import Source


class VoltAway(VirtmanError):
    """volt does not answer, or answers with an error."""


class Coordinator(Protocol):
    """The calls that the agent needs of a coordinator."""

    gives_places: bool

    def assign(
        self, peer: PeerAddress, failed: Sequence[Source] = ()
    ) -> Assignment:
        """Ask for a place in the tree of the peer's image.

        :param failed: the sources that this node cannot read from.
        :raises VoltAway: no answer.
        """

    def register(self, peer: PeerAddress) -> None:
        """Register a peer, whose target is exported from now on."""

    def leave(self, peer: PeerAddress) -> bool:
        """Give the place of a peer back; return whether volt knew it."""

    def beat(self, reports: Sequence[PeerReport]) -> BeatAnswer:
        """Report the peers and their failed sources; return the parents."""

    def servers(self, image: str) -> tuple[Source, ...]:
        """Return the image servers of an image, none if it is unknown."""

    def publish(self, peer: PeerAddress, facts: ImageFacts) -> None:
        """Register this node as an image server of an image."""

    def withdraw(self, peer: PeerAddress) -> None:
        """Take the registration as an image server back."""


class Alone:
    """The coordinator of a node that has no volt; it sends nothing."""

    gives_places = False

    def assign(
        self, peer: PeerAddress, failed: Sequence[Source] = ()
    ) -> Assignment:
        """Return an assignment without a place and without parents."""
        return Assignment(None, ())

    def register(self, peer: PeerAddress) -> None:
        """Register no peer: without volt there is no tree."""

    def leave(self, peer: PeerAddress) -> bool:
        """Return False: the peer has no place to give back."""
        return False

    def beat(self, reports: Sequence[PeerReport]) -> BeatAnswer:
        """Return an empty answer, and send no beat."""
        return BeatAnswer()

    def servers(self, image: str) -> tuple[Source, ...]:
        """Return no image servers: only volt knows them."""
        return ()

    def publish(self, peer: PeerAddress, facts: ImageFacts) -> None:
        """Register no image server: callers name it themselves."""

    def withdraw(self, peer: PeerAddress) -> None:
        """Take no registration back: this node has none."""
