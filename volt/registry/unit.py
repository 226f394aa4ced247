# SPDX-License-Identifier: Apache-2.0
"""A unit of work: one transaction, and the tables seen through it."""

from __future__ import annotations

import sqlalchemy as sa

from volt.event import Event
from volt.model import Volume
from volt.registry.clock import now
from volt.registry.images import Images
from volt.registry.leases import Leases
from volt.registry.members import Members
from volt.registry.pages import Pages
from volt.registry.peers import Peers
from volt.registry.secrets import Secrets
from volt.registry.totals import Totals
from volt.registry.volumes import Volumes


class Unit:
    """The tables of one transaction; usable until the transaction ends."""

    def __init__(
        self, connection: sa.Connection, events: list[tuple[Event, int]]
    ) -> None:
        self._connection = connection
        self._events = events
        self._now: float | None = None
        self.volumes = Volumes(connection)
        self.members = Members(connection)
        self.images = Images(connection)
        self.pages = Pages(connection)
        self.leases = Leases(connection)
        self.totals = Totals(connection)
        self.secrets = Secrets(connection)

    def peers(self, volume: Volume) -> Peers:
        """Return the peers of one volume's tree."""
        return Peers(self._connection, volume)

    def now(self) -> float:
        """Return the time by the clock that all workers share.

        It stands still during the transaction: a server is asked once.
        """
        if self._now is None:
            self._now = now(self._connection)
        return self._now

    def happened(self, event: Event, count: int = 1) -> None:
        """Note an event; observers are called after the commit."""
        self._events.append((event, count))
