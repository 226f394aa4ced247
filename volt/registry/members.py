# SPDX-License-Identifier: Apache-2.0
"""The nodes in the registry: their beats, and the places they hold."""

from __future__ import annotations

import sqlalchemy as sa

from volt.model import Peer, Status, Volume
from volt.registry import rows
from volt.registry.dialects import upsert
from volt.registry.models import members, peers, volumes

Held = tuple[str, str]
"""A volume's name and a peer id."""

_IT = members.c.name == sa.bindparam("node")
_NOW = sa.bindparam("now", type_=sa.Double)
_DUE = sa.bindparam("time", type_=sa.Double)
_BEAT = members.update().where(_IT).values(last_seen=_NOW, due=_DUE)
_SEEN = upsert.by_dialect(
    members,
    {"last_seen": upsert.newer, "due": upsert.greater},
)
_LOCK = sa.select(members.c.name).where(_IT).with_for_update()
_HOLDINGS = (
    sa.select(*volumes.c, *rows.columns)
    .join(volumes, volumes.c.key == peers.c.volume_key)
    .where(peers.c.member == sa.bindparam("node"))
)
_STALE = (
    sa.select(volumes.c.name, peers.c.peer_id)
    .join(volumes, volumes.c.key == peers.c.volume_key)
    .where(
        peers.c.status == Status.PENDING,
        peers.c.reserved_at < sa.bindparam("since"),
    )
)


class Members:
    """The nodes by name: their last beat, and when they are overdue.

    Times are seconds since the epoch, spans are seconds.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def beat(self, name: str, now: float, allowance: float) -> None:
        """Note a known node's beat: it is overdue after ``allowance``."""
        values = {"node": name, "now": now, "time": now + allowance}
        self._connection.execute(_BEAT, values)

    def seen(self, name: str, now: float, allowance: float) -> None:
        """Note another sign of life, which never shortens a node's time."""
        values = {"name": name, "last_seen": now, "due": now + allowance}
        statement = _SEEN[self._connection.dialect.name]
        self._connection.execute(statement, values)

    def count(self) -> int:
        """Return the number of nodes; reads every row."""
        query = sa.select(sa.func.count()).select_from(members)
        return self._connection.execute(query).scalar_one()

    def holdings(self, name: str) -> list[tuple[Volume, Peer]]:
        """Return the peers of a node and their trees, by volume."""
        matches = self._connection.execute(_HOLDINGS, {"node": name}).all()
        held = [
            (rows.volume(row), rows.peer(row[-rows.WIDTH :], row.name))
            for row in matches
        ]
        return sorted(held, key=lambda pair: (pair[0].name, pair[1].peer_id))

    def overdue(self, now: float) -> list[str]:
        """Return the names of overdue nodes."""
        query = sa.select(members.c.name).where(members.c.due < now)
        return list(self._connection.execute(query).scalars())

    def is_overdue(self, name: str, now: float) -> bool:
        """Return whether a node is still overdue."""
        query = sa.select(members.c.due).where(members.c.name == name)
        due = self._connection.execute(query).scalar_one_or_none()
        return due is None or due < now

    def stale(self, since: float) -> list[Held]:
        """Return the places kept before ``since`` and not registered since."""
        places = self._connection.execute(_STALE, {"since": since})
        return [(row[0], row[1]) for row in places]

    def is_stale(self, volume: str, peer_id: str, since: float) -> bool:
        """Return whether a place is still kept since ``since``."""
        query = _STALE.where(
            volumes.c.name == volume, peers.c.peer_id == peer_id
        )
        places = self._connection.execute(query, {"since": since})
        return places.first() is not None

    def not_after(self, now: float, allowance: float) -> None:
        """Date beats that lie after ``now`` to ``now``."""
        self._connection.execute(
            members.update()
            .where(members.c.last_seen > now)
            .values(last_seen=now, due=now + allowance)
        )

    def forget_idle(self, name: str) -> None:
        """Delete a node that holds no place any more."""
        # A join locks this row; with the lock, its new place can be seen.
        self._connection.execute(_LOCK, {"node": name})
        held = sa.exists().where(peers.c.member == name)
        self._connection.execute(
            members.delete().where(members.c.name == name, ~held)
        )
