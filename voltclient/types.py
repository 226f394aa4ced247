# SPDX-License-Identifier: Apache-2.0
"""The types of volt's answers and of beats."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from voltclient.exceptions import CommunicationError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Portal:
    """Where an image server serves an image; port and lun are strings."""

    host: str
    port: str
    iqn: str
    lun: str


@dataclasses.dataclass(frozen=True, slots=True)
class Ticket:
    """How to be admitted to a source: show ``text`` to its agent.

    Then log in by CHAP with ``user`` and ``secret``.
    """

    text: str = dataclasses.field(repr=False)
    user: str
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Admission:
    """The key and the time by which the caller checks readers' tickets.

    ``key`` is in hexadecimal digits; ``now`` is volt's time in seconds since
    the epoch, by which tickets run out.
    """

    key: str = dataclasses.field(repr=False)
    now: float

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Admission | None:
        """Return the admission of an answer; None from an older volt."""
        fields = answer.get("admission")
        return None if fields is None else pick(cls, fields)


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One place to read from.

    ``status`` is ``'OK'``, or ``'pending'`` for a parent that is still
    coming up: retry it until it answers.  ``peer_id`` is None for an image
    server.  ``ticket`` is there for a node that gave its initiator's name.
    """

    host: str
    port: str
    iqn: str
    lun: str
    status: str
    peer_id: str | None
    ticket: Ticket | None = dataclasses.field(default=None, compare=False)

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Source:
        """Return the source of an answer."""
        fields = answer.get("ticket")
        ticket = None if fields is None else pick(Ticket, fields)
        return pick(cls, {**answer, "ticket": ticket})


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """An image; ``size`` is in sectors of 512 bytes."""

    id: str
    size: int
    generation: str
    serial: str
    digest: str | None
    sources: list[Portal]
    admission: Admission | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Image:
        """Return the image of an answer."""
        sources = [pick(Portal, portal) for portal in answer["sources"]]
        more = {"sources": sources, "admission": Admission.parse(answer)}
        return pick(cls, {**answer, **more})


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
    admission: Admission | None = dataclasses.field(
        default=None, compare=False
    )

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Assignment:
        """Return the assignment of an answer."""
        image = answer.get("image")
        return cls(
            peer_id=answer["peer_id"],
            stripes=[
                [Source.parse(source) for source in stripe]
                for stripe in answer["stripes"]
            ],
            image=None if image is None else Image.parse(image),
            beat_after=seconds(answer.get("beat_after")),
            admission=Admission.parse(answer),
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
    admission: Admission | None = dataclasses.field(
        default=None, compare=False
    )

    @classmethod
    def parse(cls, answer: Any) -> Beat:
        """Return the beat's answer; an older volt sends a bare list."""
        if isinstance(answer, list):
            answer = {"peers": answer}
        return cls(
            beat_after=seconds(answer.get("beat_after")),
            peers=[Assignment.parse(peer) for peer in answer["peers"]],
            admission=Admission.parse(answer),
        )


def seconds(value: Any) -> float | None:
    """Return a time of an answer, or None; an invalid one is an error."""
    if value is None:
        return None
    time = float(value)
    if not 0 <= time < float("inf"):
        raise ValueError(f"{value!r} is not a time to wait")
    return time


def pick(kind: Callable[..., T], answer: Mapping[str, Any]) -> T:
    """Return a ``kind`` with the fields of an answer; skip unknown keys."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: answer[key] for key in answer if key in names})


def parsed(parse: Callable[[Any], T], answer: Any) -> T:
    """Return a parsed answer; a wrong one is a ``CommunicationError``."""
    try:
        return parse(answer)
    except (
        *(TypeError, KeyError, AttributeError, ValueError, OverflowError),
    ) as error:
        raise CommunicationError(
            f"the answer is not in volt's protocol: {error!r}"
        ) from error
