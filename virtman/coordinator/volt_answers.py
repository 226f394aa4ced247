# SPDX-License-Identifier: Apache-2.0
"""Reads volt's answers: every value is checked before anything has it.

volt repeats what whoever has its token has told it, and the agent goes on to
log in, as root, to what volt names.  Its answers are believed no further than
their form is right; whether a source has the image's content is found out
later, by the disk's size and serial number.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from virtman import formats
from virtman.admission.tickets import Ticket
from virtman.coordinator.protocol import VoltAway
from virtman.model import Assignment, ImageFacts
from virtman.path import CONNECTIONS_MAX, Login, Source
from virtman.quoting import quoted

LOG = logging.getLogger(__name__)
# Lines of the log that are remembered as written.
_SAID_MAX = 256
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
class AssignmentAnswer:
    """An assignment, and the tickets that came with its sources."""

    assignment: Assignment
    named: tuple[Named, ...]


class Answers:
    """Reads answers, and logs once what it leaves out of them.

    One bad source is left out, and so is one bad peer of a beat: an entry
    that one caller has registered shall not keep all children from the image,
    as an answer that is refused would.  The others were checked like it, and
    each stands for itself; after them come the servers that the caller named.
    What is said once for a whole answer is not guessed: it is refused.
    """

    def __init__(self) -> None:
        self._said: set[str] = set()

    def sources(self, items: Iterable[Any]) -> tuple[Named, ...]:
        """Return the sources that can be used, as many as an intent keeps."""
        found = []
        for item in items:
            try:
                found.append(_named(item))
            except VoltAway as error:
                self._leave_out("a source", error)
        return tuple(found[:CONNECTIONS_MAX])

    def assignment(self, answer: Any) -> AssignmentAnswer:
        """Return an assignment.

        :raises VoltAway: the peer id or the image is not what it has to be.
        """
        peer_id, facts = _peer_id(answer.peer_id), _facts(answer.image)
        stripes = [self.sources(stripe) for stripe in answer.stripes]
        named = tuple(one for stripe in stripes for one in stripe)
        assignment = Assignment(
            peer_id,
            tuple(tuple(one.source for one in stripe) for stripe in stripes),
            facts,
            frozenset(one.source for one in named if one.pending),
            answer.beat_after,
        )
        return AssignmentAnswer(assignment, named)

    def assignments(self, answers: Iterable[Any]) -> list[AssignmentAnswer]:
        """Return the assignments of a beat that can be followed."""
        found = []
        for answer in answers:
            try:
                found.append(self.assignment(answer))
            except VoltAway as error:
                self._leave_out("a place", error)
        return found

    def _leave_out(self, what: str, error: VoltAway) -> None:
        """Log what is not used, once: a beat may say it every second."""
        text = f"{what} is not used: {error}"
        if text in self._said:
            return
        if len(self._said) >= _SAID_MAX:
            self._said.clear()
        self._said.add(text)
        LOG.warning(
            "%s; 'volt image list' and 'volt peer list' show who has "
            "registered it", text,
        )  # fmt: skip


def admission(told: Any) -> tuple[bytes, float]:
    """Return the key for the readers' tickets, and volt's time.

    :raises VoltAway: one of them is not what it has to be.
    """
    key = told.key
    if not (isinstance(key, str) and _is_key(key)):
        raise VoltAway("volt told a key that is none (it is not shown)")
    _require("time", told.now, formats.is_time)
    return bytes.fromhex(key), float(told.now)


def _named(item: Any) -> Named:
    for name, fits in (
        ("host", formats.is_host),
        ("port", formats.is_port),
        ("iqn", formats.is_iscsi_name),
        ("lun", formats.is_lun),
    ):
        _require(f"source's {name}", getattr(item, name), fits)
    source = Source(item.host, int(item.port), item.iqn, int(item.lun))
    told = getattr(item, "ticket", None)
    return Named(
        source,
        getattr(item, "status", None) == "pending",
        getattr(item, "peer_id", None) is None,
        None if told is None else _ticket(source, told),
    )


def _ticket(source: Source, told: Any) -> Ticket:
    """Return a ticket; no message shows any of it but the user."""
    _require(f"user for {source}", told.user, formats.is_account)
    if not formats.is_account(told.secret):
        raise VoltAway(f"volt told a secret for {source} that is none")
    if not formats.is_ticket(told.text):
        raise VoltAway(f"volt told a ticket for {source} that is none")
    return Ticket(told.text, Login(told.user, told.secret))


def _facts(image: Any) -> ImageFacts | None:
    if image is None:
        return None
    for name, fits in (
        ("size", lambda one: formats.is_whole(one, 1, formats.SECTORS_MAX)),
        ("generation", formats.is_line),
        ("serial", formats.is_serial),
        ("digest", lambda one: one is None or formats.is_digest(one)),
    ):
        _require(f"image's {name}", getattr(image, name), fits)
    return ImageFacts(image.size, image.generation, image.serial, image.digest)


def _peer_id(value: Any) -> str | None:
    """Return a peer id: of any script, as an image's name may be."""
    if value is not None:
        _require("peer id", value, _is_peer_id)
    return None if value is None else str(value)


def _is_peer_id(value: Any) -> bool:
    text = isinstance(value, str) and value.isprintable()
    return text and 0 < len(value) <= _PEER_ID_MAX and value.strip(".") != ""


def _is_key(text: str) -> bool:
    return len(text) == _KEY_DIGITS and not set(text) - set("0123456789abcdef")


def _require(what: str, value: Any, fits: Callable[[object], bool]) -> None:
    if not fits(value):
        raise VoltAway(f"volt told a {what} that is none: {quoted(value)}")
