# SPDX-License-Identifier: Apache-2.0
"""What the agent and its coordinator say to each other.

The coordinator is volt (:mod:`virtman.drivers.volt`), or nobody: a node that
has no master configured works :class:`Alone` and is answered as an empty
tree would, read from the image server you were told about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from virtman.exception import VirtmanError
from virtman.path import Source


class VoltAway(VirtmanError):
    """volt does not answer, or answers that it cannot."""


@dataclass(frozen=True)
class Seat:
    """A node's place in the tree of an image: what it serves, and as whom."""

    image: str
    host: str
    port: int
    iqn: str
    lun: int
    peer_id: str | None = None


@dataclass(frozen=True)
class Report:
    """What a beat says of one place.

    ``failed`` are the sources that cannot be read from now; said again in
    every beat for as long as it lasts.
    """

    seat: Seat
    failed: tuple[Source, ...] = ()


@dataclass(frozen=True)
class ImageFacts:
    """What an image server told volt of its image.

    ``digest`` is ``sha256:`` and 64 hexadecimal digits, None until it is
    known.
    """

    sectors: int
    generation: str
    serial: str
    digest: str | None = None


@dataclass(frozen=True)
class Assignment:
    """Where a node is to read an image from.

    ``stripes`` is a list of ordered lists of sources; one stripe today, and
    the sources of the first are what :attr:`sources` gives.  ``pending`` are
    those that are still coming up.  ``beat_after`` is in seconds.
    """

    peer_id: str | None
    stripes: tuple[tuple[Source, ...], ...]
    image: ImageFacts | None = None
    pending: frozenset[Source] = frozenset()
    beat_after: float | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one stripe's sources, best first; empty: use your own."""
        return self.stripes[0] if self.stripes else ()


@dataclass(frozen=True)
class Told:
    """The answer to a beat: the assignments now, by peer id.

    ``beat_after`` is when to beat next, in seconds; None: as before.
    """

    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    beat_after: float | None = None


class Coordinator(Protocol):
    """The verbs the agent needs."""

    gives_places: bool

    def assign(self, seat: Seat, failed: Sequence[Source] = ()) -> Assignment:
        """Ask for a place; :raises VoltAway: no answer."""

    def register(self, seat: Seat) -> None:
        """Say that the target of this seat is exported."""

    def leave(self, seat: Seat) -> bool:
        """Give the place back; return whether volt knew it."""

    def beat(self, reports: Sequence[Report]) -> Told:
        """Say what is served and what has failed; hear the parents now."""

    def servers(self, image: str) -> tuple[Source, ...]:
        """Return the image servers of an image; none: it is not known."""

    def publish(self, seat: Seat, facts: ImageFacts) -> None:
        """Say that this node serves an image itself."""

    def withdraw(self, seat: Seat) -> None:
        """Say that it does no longer."""


class Alone:
    """The coordinator of a node without a master: nobody."""

    gives_places = False

    def assign(self, seat: Seat, failed: Sequence[Source] = ()) -> Assignment:
        """Answer that there are no parents."""
        return Assignment(None, ())

    def register(self, seat: Seat) -> None:
        """Tell nobody."""

    def leave(self, seat: Seat) -> bool:
        """Tell nobody."""
        return False

    def beat(self, reports: Sequence[Report]) -> Told:
        """Tell nobody, hear nothing."""
        return Told()

    def servers(self, image: str) -> tuple[Source, ...]:
        """Know of none."""
        return ()

    def publish(self, seat: Seat, facts: ImageFacts) -> None:
        """Tell nobody."""

    def withdraw(self, seat: Seat) -> None:
        """Tell nobody."""
