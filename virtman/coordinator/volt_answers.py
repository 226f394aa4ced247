# SPDX-License-Identifier: Apache-2.0
"""Reads volt's answers, and checks every value before it is used.

volt repeats what any holder of its token has registered, and the agent logs
in, as root, to the sources that volt names.  Here the form of each value is
checked.  Whether a source has the image's content is checked later, by the
disk's size and serial number.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from virtman import formats
from virtman.admission.tickets import Ticket
from virtman.coordinator.protocol import VoltAway
from virtman.log_once import LogOnce
from virtman.model import Assignment, ImageFacts
from virtman.path import CONNECTIONS_MAX, Login, Source
from virtman.quoting import quoted

LOG = logging.getLogger(__name__)
_PEER_ID_MAX = 511
# An HMAC-SHA-256 key, as volt makes one for each portal.
_KEY_DIGITS = 64


@dataclass(frozen=True)
class Named:
    """A source as volt names it; ``server``: an image server, no peer."""

    source: Source
    pending: bool
    server: bool
    ticket: Ticket | None = None


@dataclass(frozen=True)
class AdmissionKey:
    """The key for the readers' tickets, and volt's time in seconds (UTC)."""

    key: bytes = field(repr=False)
    now: float


@dataclass(frozen=True)
class AssignmentAnswer:
    """An assignment, the tickets of its sources, and the key if it came."""

    assignment: Assignment
    named: tuple[Named, ...]
    key: AdmissionKey | None = None


@dataclass(frozen=True)
class BeatAnswers:
    """The answer to a beat: the places of the node's peers, and the key.

    ``beat_after`` are the seconds until volt wants the next one.
    """

    places: tuple[AssignmentAnswer, ...]
    key: AdmissionKey | None
    beat_after: float | None


class Answers:
    """Reads answers, and logs once what it leaves out of them.

    A bad source is left out, and so is a bad peer of a beat: an entry that
    one caller has registered shall not keep all children from the image, as a
    refused answer would.  The other entries are checked in the same way, and
    do not depend on it; after them come the servers that the caller named.
    An answer is refused if a value is bad that it has only once.
    """

    def __init__(self) -> None:
        self._logged = LogOnce()

    def sources(self, items: Iterable[Any]) -> tuple[Named, ...]:
        """Return the sources that can be used, as many as an intent keeps."""
        sources = []
        for item in items:
            try:
                sources.append(_named(item))
            except VoltAway as error:
                self._leave_out("a source", error)
        return tuple(sources[:CONNECTIONS_MAX])

    def assignment(self, answer: Any) -> AssignmentAnswer:
        """Return an assignment, checked, with the tickets of its sources.

        :raises VoltAway: the peer id or the image is malformed.
        """
        peer_id, facts = _peer_id(answer.peer_id), _facts(answer.image)
        stripes = [self.sources(stripe) for stripe in answer.stripes]
        sources = tuple(named for stripe in stripes for named in stripe)
        assignment = Assignment(
            peer_id,
            tuple(
                tuple(named.source for named in stripe) for stripe in stripes
            ),
            facts,
            frozenset(named.source for named in sources if named.pending),
            answer.beat_after,
        )
        key = admission(answer.admission)
        return AssignmentAnswer(assignment, sources, key)

    def beat(self, answer: Any) -> BeatAnswers:
        """Return the answer to a beat, bad places left out.

        :raises VoltAway: the key is malformed.
        """
        places = []
        for place in answer.peers:
            try:
                places.append(self.assignment(place))
            except VoltAway as error:
                self._leave_out("a place", error)
        key = admission(answer.admission)
        return BeatAnswers(tuple(places), key, answer.beat_after)

    def _leave_out(self, entry: str, error: VoltAway) -> None:
        """Log once that an entry is not used: each beat may have it again."""
        text = f"{entry} is not used: {error}"
        if self._logged.is_new(text):
            LOG.warning(
                "%s; 'volt image list' and 'volt peer list' name the host "
                "that has registered it", text,
            )  # fmt: skip


def admission(answer: Any) -> AdmissionKey | None:
    """Return the key for the readers' tickets, None if none has come.

    :raises VoltAway: the key or the time is malformed.
    """
    if answer is None:
        return None
    key = answer.key
    if not (isinstance(key, str) and _is_key(key)):
        raise VoltAway("volt sent a malformed key (it is not shown)")
    _require("time", answer.now, formats.is_time)
    return AdmissionKey(bytes.fromhex(key), float(answer.now))


def _named(item: Any) -> Named:
    for name, fits in (
        ("host", formats.is_host),
        ("port", formats.is_port),
        ("iqn", formats.is_iscsi_name),
        ("lun", formats.is_lun),
    ):
        _require(f"source's {name}", getattr(item, name), fits)
    source = Source(item.host, int(item.port), item.iqn, int(item.lun))
    ticket = getattr(item, "ticket", None)
    return Named(
        source,
        getattr(item, "status", None) == "pending",
        # Only peers have an id; an image server is not in the tree.
        getattr(item, "peer_id", None) is None,
        None if ticket is None else _ticket(source, ticket),
    )


def _ticket(source: Source, item: Any) -> Ticket:
    """Return the ticket for a source; no error shows more than its user."""
    _require(f"user for {source}", item.user, formats.is_account)
    if not formats.is_account(item.secret):
        raise VoltAway(f"volt sent a malformed secret for {source}")
    if not formats.is_ticket(item.text):
        raise VoltAway(f"volt sent a malformed ticket for {source}")
    return Ticket(item.text, Login(item.user, item.secret))


def _facts(image: Any) -> ImageFacts | None:
    if image is None:
        return None
    for name, fits in (
        ("size", lambda size: formats.is_whole(size, 1, formats.SECTORS_MAX)),
        ("generation", formats.is_line),
        ("serial", formats.is_serial),
        ("digest", lambda text: text is None or formats.is_digest(text)),
    ):
        _require(f"image's {name}", getattr(image, name), fits)
    return ImageFacts(image.size, image.generation, image.serial, image.digest)


def _peer_id(value: Any) -> str | None:
    """Return a checked peer id; it may be of any script, as a name may."""
    if value is not None:
        _require("peer id", value, _is_peer_id)
    return None if value is None else str(value)


def _is_peer_id(value: Any) -> bool:
    text = isinstance(value, str) and value.isprintable()
    return text and 0 < len(value) <= _PEER_ID_MAX and value.strip(".") != ""


def _is_key(text: str) -> bool:
    return len(text) == _KEY_DIGITS and not set(text) - set("0123456789abcdef")


def _require(kind: str, value: Any, fits: Callable[[object], bool]) -> None:
    if not fits(value):
        raise VoltAway(f"volt sent a malformed {kind}: {quoted(value)}")
