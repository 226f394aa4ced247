# SPDX-License-Identifier: Apache-2.0
"""Long lists a page at a time: each begins by a descent of an index.

A page is asked for by what stood last on the one before, so nothing is
counted off and nothing is read but the page itself.
"""

import dataclasses
from typing import Any

import sqlalchemy as sa

from volt.model import Peer, Volume
from volt.registry import rows
from volt.registry.models import members, peers, volumes

_AFTER: sa.BindParameter[Any] = sa.bindparam("after")
_MOST: sa.BindParameter[int] = sa.bindparam("most")
_HELD = (
    sa.select(sa.func.count())
    .select_from(peers)
    .where(peers.c.member == members.c.name)
    .scalar_subquery()
)
_MEMBERS = (
    sa.select(
        members.c.name,
        members.c.last_seen,
        members.c.due,
        _HELD.label("peers"),
    )
    .where(members.c.name > _AFTER)
    .order_by(members.c.name)
    .limit(_MOST)
)
_VOLUMES = (
    sa.select(volumes)
    .where(volumes.c.name > _AFTER)
    .order_by(volumes.c.name)
    .limit(_MOST)
)
_PEERS = (
    sa.select(*rows.columns, members.c.last_seen)
    .outerjoin_from(peers, members, members.c.name == peers.c.member)
    .where(
        peers.c.volume_key == sa.bindparam("volume"),
        peers.c.position > _AFTER,
    )
    .order_by(peers.c.position)
    .limit(_MOST)
)


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """A node, when it was heard of, when it is overdue, what it holds."""

    name: str
    last_seen: float
    due: float
    peers: int


class Pages:
    """Up to ``most`` entries that follow ``after`` in their order."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def members(self, after: str, most: int) -> list[Heard]:
        """Return nodes, ordered by name."""
        found = self._connection.execute(
            _MEMBERS, {"after": after, "most": most}
        )
        return [Heard(*row) for row in found]

    def volumes(self, after: str, most: int) -> list[Volume]:
        """Return trees, ordered by name."""
        found = self._connection.execute(
            _VOLUMES, {"after": after, "most": most}
        )
        return [rows.volume(row) for row in found]

    def peers(
        self, volume: Volume, after: int, most: int
    ) -> list[tuple[Peer, float | None]]:
        """Return peers, ordered by position, each with its node's last_seen.

        That is None for a node that is not known.
        """
        found = self._connection.execute(
            _PEERS, {"volume": volume.key, "after": after, "most": most}
        )
        return [
            (rows.peer(row[: rows.WIDTH], volume.name), row.last_seen)
            for row in found
        ]
