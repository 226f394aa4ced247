# SPDX-License-Identifier: Apache-2.0
"""Verifies tickets: texts by which a source recognises volt's readers.

volt shares a key with each portal.  It gives the reader a ticket under that
key, and the CHAP secret that the source derives from the ticket; in full in
``doc/source/rest-api.rst``.  ``volt/topology/tickets.py`` issues them.
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
# The number of a ticket tells the accounts of one reader apart.
_NUMBER = re.compile("[0-9a-f]{1,32}")


class NoTicket(VirtmanError):
    """A text is no ticket for this node; the message quotes none of it."""


@dataclass(frozen=True)
class Ticket:
    """A ticket of volt's: the text to show, and the login that it opens."""

    text: str = field(repr=False)
    login: Login


@dataclass(frozen=True)
class TicketClaims:
    """The claims of a verified ticket; ``expires`` is by volt's clock."""

    iqn: str
    initiator: str
    expires: float
    login: Login

    def opens(self, iqn: str) -> bool:
        """Tell whether the ticket is for this target."""
        return self.iqn in (ANY, iqn)


def verify(text: str, key: bytes) -> TicketClaims:
    """Verify a ticket's seal and return its claims.

    :raises NoTicket: the seal is not of this key, or a claim is malformed.
    """
    body, _, seal = text.partition(".")
    made = hmac.digest(key, f"ticket\0{body}".encode(), "sha256").hex()
    # As bytes: compare_digest takes texts only if they are ASCII.
    if not hmac.compare_digest(made.encode(), seal.encode()):
        raise NoTicket("not a ticket that volt has issued for this node")
    iqn, initiator, expires, number = _claims(body)
    return TicketClaims(
        iqn, initiator, expires, _login(initiator, number, body, key)
    )


def issue(key: bytes, iqn: str, initiator: str, expires: int) -> Ticket:
    """Issue a ticket for this node's own target, as volt would."""
    number = secrets.token_hex(8)
    plain = json.dumps([iqn, initiator, expires, number]).encode()
    body = base64.urlsafe_b64encode(plain).decode()
    seal = hmac.digest(key, f"ticket\0{body}".encode(), "sha256").hex()
    return Ticket(f"{body}.{seal}", _login(initiator, number, body, key))


def _claims(body: str) -> tuple[str, str, float, str]:
    """Return target, initiator, end and number of a ticket's body.

    They are checked although the seal is right: any holder of the key can
    seal any text, and these go to tgtd.

    :raises NoTicket: one of the four is malformed.
    """
    try:
        iqn, initiator, expires, number = json.loads(
            base64.urlsafe_b64decode(body)
        )
    except (ValueError, TypeError, RecursionError):
        raise NoTicket("a ticket that cannot be read") from None
    if iqn != ANY and not formats.is_iscsi_name(iqn):
        raise NoTicket("a ticket with a malformed name of a target")
    if not formats.is_initiator(initiator):
        raise NoTicket("a ticket with a malformed name of an initiator")
    if not formats.is_time(expires):
        raise NoTicket("a ticket with a malformed end")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise NoTicket("a ticket with a malformed number")
    return iqn, initiator, expires, number


def _login(initiator: str, number: str, body: str, key: bytes) -> Login:
    return Login(f"{names.USER}:{initiator}/{number}", _secret(body, key))


def _secret(body: str, key: bytes) -> str:
    made = hmac.digest(key, f"chap\0{body}".encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode()[:SECRET]
