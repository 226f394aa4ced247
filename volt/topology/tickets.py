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
from typing import Any

from volt.registry.session import Registry

JSON = dict[str, Any]

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

    def admission(self, host: str, port: str) -> JSON:
        """Return the key and the time by which a source checks tickets."""
        return {"key": self._key(host, port).hex(), "now": time.time()}

    def add(self, assignment: JSON, initiator: str | None) -> None:
        """Add a ticket for the reader to each source of an assignment."""
        if initiator is None:
            return
        for stripe in assignment["stripes"]:
            for source in stripe:
                source["ticket"] = self._draw(source, initiator)

    def _draw(self, source: JSON, initiator: str) -> JSON:
        server = source["peer_id"] is None
        term = self._terms.server if server else self._terms.peer
        return draw(
            self._key(source["host"], source["port"]),
            ANY if server else source["iqn"],
            initiator,
            int(time.time() + term),
        )

    def _key(self, host: str, port: str) -> bytes:
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


def draw(key: bytes, iqn: str, initiator: str, expires: int) -> JSON:
    """Return a ticket, and the user and the secret to log in with."""
    number = secrets.token_hex(8)
    plain = json.dumps([iqn, initiator, expires, number]).encode()
    body = base64.urlsafe_b64encode(plain)
    seal = hmac.digest(key, b"ticket\0" + body, "sha256").hex()
    chap = hmac.digest(key, b"chap\0" + body, "sha256")
    return {
        "text": f"{body.decode()}.{seal}",
        "user": f"{USER}:{initiator}/{number}",
        "secret": base64.urlsafe_b64encode(chap).decode()[:SECRET],
    }
