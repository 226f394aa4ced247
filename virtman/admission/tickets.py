# SPDX-License-Identifier: Apache-2.0
"""Tickets: by them a source knows a reader that volt has sent to it.

volt shares a key with each portal, and gives the reader a ticket under that
key and the CHAP secret that the source derives from the ticket; in full in
``doc/source/rest-api.rst``.  ``volt/topology/tickets.py`` is the other end.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from dataclasses import dataclass, field

from virtman import formats, names
from virtman.exception import VirtmanError
from virtman.path import Login

ANY = "*"
SECRET = 16
# What tells a reader's accounts from one another.
_NUMBER = re.compile("[0-9a-f]{1,32}")


class NoTicket(VirtmanError):
    """What was shown is no ticket of ours; the message has nothing of it."""


@dataclass(frozen=True)
class Ticket:
    """What a reader was given: the text to show, and then to log in with."""

    text: str = field(repr=False)
    login: Login


@dataclass(frozen=True)
class TicketClaims:
    """What a source reads in a ticket; ``expires`` is by volt's clock."""

    iqn: str
    initiator: str
    expires: float
    login: Login

    def opens(self, iqn: str) -> bool:
        """Tell whether it is for this target."""
        return self.iqn in (ANY, iqn)


def verify(text: str, key: bytes) -> TicketClaims:
    """Return what a ticket says; :raises NoTicket: the key is not its."""
    body, _, seal = text.partition(".")
    made = hmac.digest(key, f"ticket\0{body}".encode(), "sha256").hex()
    # In bytes: of texts, only those in ASCII can be compared.
    if not hmac.compare_digest(made.encode(), seal.encode()):
        raise NoTicket("no ticket that volt has drawn for this node")
    iqn, initiator, expires, number = _claims(body)
    return TicketClaims(
        iqn, initiator, expires, _login(initiator, number, body, key)
    )


def issue(key: bytes, iqn: str, initiator: str, expires: int) -> Ticket:
    """Return a ticket as volt would draw it: for this node's own target."""
    number = secrets.token_hex(8)
    plain = json.dumps([iqn, initiator, expires, number]).encode()
    body = base64.urlsafe_b64encode(plain).decode()
    seal = hmac.digest(key, f"ticket\0{body}".encode(), "sha256").hex()
    return Ticket(f"{body}.{seal}", _login(initiator, number, body, key))


def _claims(body: str) -> tuple[str, str, float, str]:
    """Return target, initiator, end and number that a ticket's body names.

    Whoever has the key can seal anything, and tgtd is told of these.

    :raises NoTicket: one of them is not what it has to be.
    """
    try:
        iqn, initiator, expires, number = json.loads(
            base64.urlsafe_b64decode(body)
        )
    except (ValueError, TypeError, RecursionError):
        raise NoTicket("a ticket that cannot be read") from None
    if iqn != ANY and not formats.is_iscsi_name(iqn):
        raise NoTicket("a ticket for what is no target's name")
    if not formats.is_initiator(initiator):
        raise NoTicket("a ticket for what is no initiator's name")
    if not formats.is_time(expires):
        raise NoTicket("a ticket whose end is no time")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise NoTicket("a ticket whose number is none")
    return iqn, initiator, expires, number


def _login(initiator: str, number: str, body: str, key: bytes) -> Login:
    return Login(f"{names.USER}:{initiator}/{number}", _secret(body, key))


def _secret(body: str, key: bytes) -> str:
    made = hmac.digest(key, f"chap\0{body}".encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode()[:SECRET]
