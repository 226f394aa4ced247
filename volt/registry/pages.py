# SPDX-License-Identifier: Apache-2.0
"""Reads long lists a page at a time, each by a descent of an index.

A page is found by the last entry of the page before, so no rows are skipped,
and only those of the page are read.
"""

from __future__ import annotations

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
    """A node: its last beat, the time it is overdue, its number of peers."""

    name: str
    last_seen: float
    due: float
    peers: int


class Pages:
    """Pages of up to ``most`` entries that follow ``after``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def members(self, after: str, most: int) -> list[Heard]:
        """Return a page of nodes, ordered by name."""
        page = self._connection.execute(
            _MEMBERS, {"after": after, "most": most}
        )
        return [Heard(*row) for row in page]

    def volumes(self, after: str, most: int) -> list[Volume]:
        """Return a page of volumes, ordered by name."""
        page = self._connection.execute(
            _VOLUMES, {"after": after, "most": most}
        )
        return [rows.volume(row) for row in page]

    def peers(
        self, volume: Volume, after: int, most: int
    ) -> list[tuple[Peer, float | None]]:
        """Return a page of peers, ordered by position, and their last_seen.

        last_seen is that of the peer's node, None for an unknown node.
        """
        page = self._connection.execute(
            _PEERS, {"volume": volume.key, "after": after, "most": most}
        )
        return [
            (rows.peer(row[: rows.WIDTH], volume.name), row.last_seen)
            for row in page
        ]
