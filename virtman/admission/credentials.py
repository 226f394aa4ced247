# SPDX-License-Identifier: Apache-2.0
"""Keeps the credentials that volt gave this node: its key and its tickets.

The key checks the tickets that readers show here; the tickets open the
targets of this node's sources.  Key and tickets for image servers are kept in
a file that only root can read: an agent that starts while volt is away admits
its readers, and can read from the image servers.  Tickets for peers are not
in the file: they run out in minutes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from virtman import formats
from virtman.admission import tickets
from virtman.admission.tickets import Ticket
from virtman.path import Login, Source
from virtman.state import files

LOG = logging.getLogger(__name__)

Portal = tuple[str, int]
# Seconds.  A new ticket for a server comes with each beat.  Such tickets last
# a day, so a file of this age is still good, and not every beat writes it.
_STALE = 300.0
# Seconds that a ticket for this node's own target lasts.
_OWN = 60


class Credentials:
    """The key and the tickets of this node; any thread may use them.

    :param file: where the key and the tickets for image servers are kept.
    :param own: the portal of this node.
    :param initiator: returns this node's name as an initiator.
    """

    def __init__(
        self, file: Path, own: Portal, initiator: Callable[[], str]
    ) -> None:
        self._file = file
        self.own = own
        self._name = initiator
        self._guard = threading.Lock()
        self._written = float("-inf")
        self._ahead = 0.0
        self._peers: dict[Source, Ticket] = {}
        self._servers: dict[Portal, Ticket] = {}
        # Until volt sends a key, this one admits this node to its own targets.
        self._key = secrets.token_bytes(32)
        self._load()

    @property
    def initiator(self) -> str | None:
        """The name of this node as an initiator, None if it has none."""
        return self._name() or None

    @property
    def key(self) -> bytes:
        """The key by which this node verifies its readers' tickets."""
        return self._key

    def now(self) -> float:
        """Return the time by volt's clock; before its first key, this host's.

        Tickets run out by volt's clock, and the two may differ.
        """
        return time.time() + self._ahead

    def keep_key(self, key: bytes, now: float) -> None:
        """Keep the key that volt sent, and note volt's time.

        :param now: the time by volt's clock.
        """
        with self._guard:
            self._ahead = now - time.time()
            new = key != self._key
            self._key = key
            if new or time.monotonic() - self._written > _STALE:
                self._save()

    def keep(self, source: Source, ticket: Ticket, server: bool) -> None:
        """Keep a ticket for a source, in place of the one before it.

        :param server: whether the ticket opens every target of the portal.
        """
        with self._guard:
            if not server:
                self._peers[source] = ticket
                return
            portal = (source.host, source.port)
            new = portal not in self._servers
            self._servers[portal] = ticket
            if new:
                self._save()

    def ticket(self, source: Source) -> Ticket | None:
        """Return the last ticket for a source, None if volt never gave one."""
        portal = (source.host, source.port)
        if portal == self.own:
            expires = int(self.now()) + _OWN
            name = self._name()
            return tickets.issue(self._key, source.iqn, name, expires)
        with self._guard:
            ticket = self._peers.get(source)
            return ticket or self._servers.get(portal)

    def _load(self) -> None:
        try:
            kept = json.loads(self._file.read_text())
            key = bytes.fromhex(kept["key"])
            self._servers = dict(map(_server, kept["servers"]))
            self._key = key
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            # The error is not logged: it might quote a secret.
            LOG.warning(
                "%s cannot be read; volt sends the key and tickets anew",
                self._file,
            )

    def _save(self) -> None:
        kept = {
            "key": self._key.hex(),
            "servers": [
                [*portal, ticket.text, *dataclasses.astuple(ticket.login)]
                for portal, ticket in self._servers.items()
            ],
        }
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            files.write_whole(self._file, json.dumps(kept))
        except OSError as error:
            LOG.warning("%s is not written: %s", self._file, error.strerror)
        self._written = time.monotonic()


def _server(kept: list[Any]) -> tuple[Portal, Ticket]:
    """Return the portal and the ticket of one entry of the file.

    An older agent may have written volt's answers without checking them.

    :raises ValueError: the entry is not a server's ticket.
    """
    host, port, text, user, secret = kept
    login = formats.is_account(user) and formats.is_account(secret)
    portal = formats.is_host(host) and formats.is_port(port)
    if not (portal and login and formats.is_ticket(text)):
        raise ValueError("a malformed ticket of a server")
    return (host, int(port)), Ticket(text, Login(user, secret))
