# SPDX-License-Identifier: Apache-2.0
"""What volt has given this node: tickets for its sources, a key for readers.

Kept in a file that only root can read, but for the tickets of other nodes,
which run out in minutes: an agent that is started while volt is away admits
its readers, and can read from the image servers.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
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

LOG = logging.getLogger(__name__)

Portal = tuple[str, int]
# Seconds.  A new ticket for a server comes with each beat; that the file is
# as old as this costs nothing, they last a day.
_STALE = 300.0
# Seconds that a ticket for this node's own target lasts.
_OWN = 60


class Credentials:
    """The key and the tickets; any thread may ask and tell.

    :param file: what is kept.
    :param own: the portal of this node.
    :param initiator: tells this node's name as an initiator.
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
        # Until volt has told one this node admits itself.
        self._key = secrets.token_bytes(32)
        self._load()

    @property
    def initiator(self) -> str | None:
        """The name of this node as an initiator, None if it has none."""
        return self._name() or None

    @property
    def key(self) -> bytes:
        """By which this node knows its readers' tickets."""
        return self._key

    def now(self) -> float:
        """Return the time by volt's clock, as far as that is known."""
        return time.time() + self._ahead

    def keep_key(self, key: bytes, now: float) -> None:
        """Keep the key that volt has told, and its time."""
        with self._guard:
            self._ahead = now - time.time()
            new = key != self._key
            self._key = key
            if new or time.monotonic() - self._written > _STALE:
                self._save()

    def keep(self, source: Source, ticket: Ticket, server: bool) -> None:
        """Keep a ticket for a source, in place of the one before it.

        :param server: it opens every target of the portal.
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
        """Return the last ticket for a source; None: there was never any."""
        portal = (source.host, source.port)
        if portal == self.own:
            expires = int(self.now()) + _OWN
            name = self._name()
            return tickets.issue(self._key, source.iqn, name, expires)
        with self._guard:
            found = self._peers.get(source)
            return found or self._servers.get(portal)

    def _load(self) -> None:
        try:
            kept = json.loads(self._file.read_text())
            key = bytes.fromhex(kept["key"])
            self._servers = dict(map(_server, kept["servers"]))
            self._key = key
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            # Not what is wrong with it: that might quote a secret.
            LOG.warning("%s makes no sense; volt will tell anew", self._file)

    def _save(self) -> None:
        kept = {
            "key": self._key.hex(),
            "servers": [
                [*portal, one.text, *dataclasses.astuple(one.login)]
                for portal, one in self._servers.items()
            ],
        }
        fresh = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with os.fdopen(os.open(fresh, flags, 0o600), "w") as out:
                json.dump(kept, out)
            fresh.replace(self._file)
        except OSError as error:
            LOG.warning("%s is not written: %s", self._file, error.strerror)
        self._written = time.monotonic()


def _server(kept: list[Any]) -> tuple[Portal, Ticket]:
    """Return a server's ticket as the file has it.

    An agent before this one may have written what volt had told it unchecked.

    :raises ValueError: it is none.
    """
    host, port, text, user, secret = kept
    login = formats.is_account(user) and formats.is_account(secret)
    portal = formats.is_host(host) and formats.is_port(port)
    if not (portal and login and formats.is_ticket(text)):
        raise ValueError("a server's ticket is none")
    return (host, int(port)), Ticket(text, Login(user, secret))
