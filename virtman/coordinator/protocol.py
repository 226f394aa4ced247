# SPDX-License-Identifier: Apache-2.0
"""The calls that the agent makes to its coordinator.

The coordinator is volt (:mod:`virtman.coordinator.volt`).  A node without a
master configured works :class:`Alone`: it is answered as an empty tree would
answer, and reads from the image server that the caller names.
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
    """volt does not answer, or answers that it cannot."""


class Coordinator(Protocol):
    """The verbs the agent needs."""

    gives_places: bool

    def assign(
        self, peer: PeerAddress, failed: Sequence[Source] = ()
    ) -> Assignment:
        """Ask for a place; :raises VoltAway: no answer."""

    def register(self, peer: PeerAddress) -> None:
        """Say that the target of this peer is exported."""

    def leave(self, peer: PeerAddress) -> bool:
        """Give the place back; return whether volt knew it."""

    def beat(self, reports: Sequence[PeerReport]) -> BeatAnswer:
        """Say what is served and what has failed; hear the parents now."""

    def servers(self, image: str) -> tuple[Source, ...]:
        """Return the image servers of an image; none: it is not known."""

    def publish(self, peer: PeerAddress, facts: ImageFacts) -> None:
        """Say that this node serves an image itself."""

    def withdraw(self, peer: PeerAddress) -> None:
        """Say that it does no longer."""


class Alone:
    """The coordinator of a node without a master: nobody."""

    gives_places = False

    def assign(
        self, peer: PeerAddress, failed: Sequence[Source] = ()
    ) -> Assignment:
        """Answer that there are no parents."""
        return Assignment(None, ())

    def register(self, peer: PeerAddress) -> None:
        """Tell nobody."""

    def leave(self, peer: PeerAddress) -> bool:
        """Tell nobody."""
        return False

    def beat(self, reports: Sequence[PeerReport]) -> BeatAnswer:
        """Tell nobody, hear nothing."""
        return BeatAnswer()

    def servers(self, image: str) -> tuple[Source, ...]:
        """Know of none."""
        return ()

    def publish(self, peer: PeerAddress, facts: ImageFacts) -> None:
        """Tell nobody."""

    def withdraw(self, peer: PeerAddress) -> None:
        """Tell nobody."""
