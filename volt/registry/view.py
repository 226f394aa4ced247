# SPDX-License-Identifier: Apache-2.0
"""One tree as placement sees it: each answer is one descent of an index."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from volt.model import Opening, Peer, Volume
from volt.registry import rows
from volt.registry.models import peers


class TreeView:
    """Answers the questions of :class:`volt.executor.placement.View`."""

    def __init__(self, connection: sa.Connection, volume: Volume) -> None:
        self._connection = connection
        self._volume = volume
        self._key = volume.key

    @property
    def size(self) -> int:
        """Number of peers."""
        return self._volume.size

    @property
    def fanout(self) -> int:
        """Children per place."""
        return self._volume.fanout

    def at(self, positions: Iterable[int]) -> dict[int, Peer]:
        """Return the peers at these positions, by position."""
        wanted = list(positions)
        if not wanted:
            return {}
        found = self._fetch(self._query(peers.c.position.in_(wanted)))
        return {peer.position: peer for peer in found}

    def occupied(self, positions: Iterable[int]) -> set[int]:
        """Return which of these positions are taken."""
        wanted = list(positions)
        if not wanted:
            return set()
        query = sa.select(peers.c.position).where(
            peers.c.volume_key == self._key, peers.c.position.in_(wanted)
        )
        return set(self._connection.execute(query).scalars())

    def lowest_open(self, least: Opening) -> int | None:
        """Return the lowest peer position open to ``least`` or more."""
        lowest = [self._lowest(step) for step in Opening if step >= least]
        return min((one for one in lowest if one is not None), default=None)

    def highest_serving(self, limit: int) -> list[Peer]:
        """Return serving peers with room, highest position first."""
        query = self._query(peers.c.opening == Opening.SERVING)
        return self._fetch(
            query.order_by(peers.c.position.desc()).limit(limit)
        )

    def last(self) -> Peer:
        """Return the peer at the highest position; the tree has one."""
        query = self._query().order_by(peers.c.position.desc())
        return self._fetch(query.limit(1))[0]

    def _lowest(self, opening: Opening) -> int | None:
        # One descent each: min() over both at once would read them all.
        query = sa.select(sa.func.min(peers.c.position)).where(
            peers.c.volume_key == self._key, peers.c.opening == opening
        )
        lowest: int | None = self._connection.execute(query).scalar_one()
        return lowest

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Peer]:
        return self._fetch(self._query(*conditions).order_by(peers.c.position))

    def _query(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return sa.select(*rows.columns).where(
            peers.c.volume_key == self._key, *conditions
        )

    def _fetch(self, query: sa.Select[Any]) -> list[Peer]:
        found = self._connection.execute(query)
        return [rows.peer(row, self._volume.name) for row in found]
