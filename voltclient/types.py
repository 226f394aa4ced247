# SPDX-License-Identifier: Apache-2.0
"""What volt tells and is told, typed."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from voltclient.exceptions import CommunicationError

T = TypeVar('T')


@dataclasses.dataclass(frozen=True, slots=True)
class Portal:
    """Where an image server serves an image; port and lun are strings."""

    host: str
    port: str
    iqn: str
    lun: str


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One place to read from.

    ``status`` is ``'OK'``, or ``'pending'`` for a parent that is still
    coming up: retry it until it answers.  ``peer_id`` is None for an image
    server.
    """

    host: str
    port: str
    iqn: str
    lun: str
    status: str
    peer_id: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """An image; ``size`` is in sectors of 512 bytes."""

    id: str
    size: int
    generation: str
    serial: str
    digest: str | None
    sources: list[Portal]

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> 'Image':
        """Return the image that volt tells about."""
        sources = [pick(Portal, one) for one in told['sources']]
        return pick(cls, {**told, 'sources': sources})


@dataclasses.dataclass(frozen=True, slots=True)
class Assignment:
    """Where a peer reads from.

    ``peer_id`` is None when there is no place in the tree now: ask again
    soon; until then ``stripes`` names the image servers.  Each stripe is a
    list of sources, the best first.  ``image`` is None as long as no image
    server has registered the image.  ``beat_after`` is when to beat first,
    in seconds from now; None in the answer to a beat, which says it once
    for all peers, and from a volt that does not tell.
    """

    peer_id: str | None
    stripes: list[list[Source]]
    image: Image | None
    beat_after: float | None = None

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> 'Assignment':
        """Return the assignment that volt tells."""
        image = told.get('image')
        return cls(
            peer_id=told['peer_id'],
            stripes=[
                [pick(Source, one) for one in stripe]
                for stripe in told['stripes']
            ],
            image=None if image is None else Image.parse(image),
            beat_after=seconds(told.get('beat_after')),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """A source, by its portal, that a peer cannot read from now."""

    host: str
    port: str


@dataclasses.dataclass(frozen=True, slots=True)
class Serving:
    """One volume that this node serves, for its beat.

    ``failed`` is said again in every beat for as long as it lasts; volt
    does not send the peer to these sources, or only as the last resort.
    """

    session_name: str
    peer_id: str
    host: str
    port: str
    iqn: str
    lun: str
    failed: tuple[Failed, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Beat:
    """What volt answers to a beat.

    ``beat_after`` is when to beat next, in seconds from now; None from a
    volt that leaves it to the agent.  ``peers`` are the assignments of all
    peers of this node.
    """

    beat_after: float | None
    peers: list[Assignment]

    @classmethod
    def parse(cls, told: Any) -> 'Beat':
        """Return the answer; the bare list of an older volt is one, too."""
        if isinstance(told, list):
            told = {'peers': told}
        return cls(
            beat_after=seconds(told.get('beat_after')),
            peers=[Assignment.parse(one) for one in told['peers']],
        )


def seconds(told: Any) -> float | None:
    """Return a time that volt may tell; a senseless one is an error."""
    if told is None:
        return None
    found = float(told)
    if not 0 <= found < float('inf'):
        raise ValueError(f"{told!r} is no time to wait")
    return found


def pick(kind: Callable[..., T], told: Mapping[str, Any]) -> T:
    """Make a ``kind`` of what is told; keys it does not know are left."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: told[key] for key in told if key in names})


def parsed(parse: Callable[[Any], T], told: Any) -> T:
    """Parse an answer; one that volt would not give is a failure of it."""
    try:
        return parse(told)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise CommunicationError(
            f"the answer is not in volt's protocol: {error!r}"
        ) from error
