# SPDX-License-Identifier: Apache-2.0
"""The nodes that beat, and what each of them holds."""

import sqlalchemy as sa

from volt.model import Peer, Status, Volume
from volt.registry import rows
from volt.registry.models import members, peers, volumes

Held = tuple[str, str]
"""A volume's name and a peer id."""


_SEEN = (
    members.update()
    .where(members.c.name == sa.bindparam('node'))
    .values(last_seen=sa.bindparam('now'))
)
_HOLDINGS = (
    sa.select(*volumes.c, *rows.columns)
    .join(volumes, volumes.c.key == peers.c.volume_key)
    .where(peers.c.member == sa.bindparam('node'))
)


class Members:
    """Nodes by name, with the time they were last heard of."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def seen(self, name: str, now: float) -> None:
        """Note that the node has been heard of."""
        node = {'node': name, 'now': now}
        if not self._connection.execute(_SEEN, node).rowcount:
            self._connection.execute(
                members.insert(), {'name': name, 'last_seen': now}
            )

    def holdings(self, name: str) -> list[tuple[Volume, Peer]]:
        """Return the peers of a node and their trees, by volume."""
        found = self._connection.execute(_HOLDINGS, {'node': name}).all()
        held = [(rows.volume(row), rows.peer(row, row.name)) for row in found]
        return sorted(held, key=lambda one: (one[0].name, one[1].peer_id))

    def silent(self, since: float) -> list[str]:
        """Return the nodes not heard of after ``since``."""
        query = sa.select(members.c.name).where(members.c.last_seen < since)
        return list(self._connection.execute(query).scalars())

    def stale(self, since: float) -> list[Held]:
        """Return places kept before ``since`` and never registered for."""
        query = (
            sa.select(volumes.c.name, peers.c.peer_id)
            .join(volumes, volumes.c.key == peers.c.volume_key)
            .where(
                peers.c.status == Status.PENDING, peers.c.reserved_at < since
            )
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def is_silent(self, name: str, since: float) -> bool:
        """Tell whether the node is still unheard of after ``since``."""
        query = sa.select(members.c.last_seen).where(members.c.name == name)
        seen = self._connection.execute(query).scalar_one_or_none()
        return seen is None or seen < since

    def not_after(self, now: float) -> None:
        """Set what lies in the future to ``now``."""
        self._connection.execute(
            members.update()
            .where(members.c.last_seen > now)
            .values(last_seen=now)
        )

    def forget_idle(self, name: str) -> None:
        """Drop the node if it holds nothing any more."""
        held = sa.exists().where(peers.c.member == name)
        self._connection.execute(
            members.delete().where(members.c.name == name, ~held)
        )
