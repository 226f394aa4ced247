# SPDX-License-Identifier: Apache-2.0
"""Draws tickets, by which a source recognises a reader from volt.

As in Kerberos: volt shares a key with each source (a portal, host and port)
and gives the reader a ticket under that key, together with the CHAP secret
that the source will derive from the ticket.  So a source admits a reader
that volt has not told it about, and volt keeps none of this: all keys come
from one that is in its registry.

A ticket is drawn anew for each answer, with a number of its own, and runs
out.  A reader that was given another parent gets none for the old one any
more.  ``virtman/admission/tickets.py`` is the other end.
"""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
import secrets
import time

from volt.model import Admission, Assignment, Source, Ticket
from volt.registry.session import Registry

MASTER = "admission"
"""The name of the key that all other keys are derived from."""
ANY = "*"
"""Stands for every target of the portal."""
USER = "virtman"
SECRET = 16
"""Characters, 96 bits; RFC 7143, 12.1.3, and open-iscsi want 12 to 16."""


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """The lives of tickets, in seconds."""

    peer: float = 120.0
    server: float = 86400.0
    """A ticket for an image server opens all of its targets: a node that volt
    sent there may come back while volt is away."""


class Tickets:
    """Draws tickets by the master key of the registry."""

    def __init__(self, registry: Registry, terms: Terms) -> None:
        self._registry = registry
        self._terms = terms
        self._known: bytes | None = None

    def admission(self, host: str, port: str) -> Admission:
        """Return the key and the time by which a source checks tickets."""
        return Admission(self._key(host, port).hex(), time.time())

    def grant(self, assigned: Assignment, initiator: str | None) -> Assignment:
        """Return an assignment with a ticket for the reader at each source.

        An old agent names no initiator, and gets none.
        """
        if initiator is None:
            return assigned
        stripes = tuple(
            tuple(
                dataclasses.replace(
                    source, ticket=self._ticket(source, initiator)
                )
                for source in stripe
            )
            for stripe in assigned.stripes
        )
        return dataclasses.replace(assigned, stripes=stripes)

    def _ticket(self, source: Source, initiator: str) -> Ticket:
        server, address = source.peer_id is None, source.address
        term = self._terms.server if server else self._terms.peer
        return issue(
            self._key(address.host, address.port),
            ANY if server else address.iqn,
            initiator,
            int(time.time() + term),
        )

    def _key(self, host: str, port: str | None) -> bytes:
        return hmac.digest(
            self._master, f"source\0{host}\0{port}".encode(), "sha256"
        )

    @property
    def _master(self) -> bytes:
        if self._known is None:
            self._known = self._registry.read(
                lambda unit: unit.secrets.get(MASTER)
            ) or self._registry.write(lambda unit: unit.secrets.make(MASTER))
        return self._known


def issue(key: bytes, iqn: str | None, initiator: str, expires: int) -> Ticket:
    """Return a ticket, with the user and the secret to log in with."""
    number = secrets.token_hex(8)
    plain = json.dumps([iqn, initiator, expires, number]).encode()
    body = base64.urlsafe_b64encode(plain)
    seal = hmac.digest(key, b"ticket\0" + body, "sha256").hex()
    chap = hmac.digest(key, b"chap\0" + body, "sha256")
    return Ticket(
        f"{body.decode()}.{seal}",
        f"{USER}:{initiator}/{number}",
        base64.urlsafe_b64encode(chap).decode()[:SECRET],
    )
