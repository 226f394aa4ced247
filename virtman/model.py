# SPDX-License-Identifier: Apache-2.0
"""The values that parts of the agent hand to each other."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from virtman.path import Source


@dataclass(frozen=True)
class PeerAddress:
    """A node's place in the tree of an image: its address and its target."""

    image: str
    host: str
    port: int
    iqn: str
    lun: int
    peer_id: str | None = None


@dataclass(frozen=True)
class PeerReport:
    """The report of one peer in a beat.

    ``failed`` are the sources that cannot be read from now; said again in
    every beat for as long as it lasts.
    """

    peer: PeerAddress
    failed: tuple[Source, ...] = ()


@dataclass(frozen=True)
class ImageFacts:
    """The facts of an image, as its image server has told volt.

    ``digest`` is ``sha256:`` and 64 hexadecimal digits, None until it is
    known.
    """

    sectors: int
    generation: str
    serial: str
    digest: str | None = None


@dataclass(frozen=True)
class Assignment:
    """The sources that volt assigns to a node for an image.

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
class BeatAnswer:
    """The answer to a beat: the assignments now, by peer id.

    ``beat_after`` is when to beat next, in seconds; None: as before.
    """

    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    beat_after: float | None = None


class Verdict(enum.Enum):
    """The answer to a ticket, as it is sent; ``NONE`` is never sent."""

    WELCOME = "welcome"
    """The reader may log in with the secret that belongs to its ticket."""
    OPEN = "open"
    """The reader may log in without a secret."""
    ABSENT = "absent"
    """The target is not there, or not yet."""
    LATE = "late"
    """The ticket has run out; the target is there."""
    REFUSED = "refused"
    """The ticket is not for this target."""
    NONE = ""
    """No ticket, or no agent that answers."""

    @property
    def serves(self) -> bool:
        """Whether the target is there, as far as the answer tells."""
        return self in (Verdict.WELCOME, Verdict.OPEN, Verdict.LATE)
