# SPDX-License-Identifier: Apache-2.0
"""One tree as placement sees it: each answer is one descent of an index.

Statements are made once: making one takes longer than running it.
"""

import functools
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from volt.model import Opening, Peer, Status, Volume
from volt.registry import rows
from volt.registry.models import peers

MINE = peers.c.volume_key == sa.bindparam('volume')
_PLACES = peers.c.position.in_(sa.bindparam('places', expanding=True))
_OPENING = peers.c.opening == sa.bindparam('step')

_PEERS = sa.select(*rows.columns).where(MINE)
_SERVING_ONES = _PEERS.where(peers.c.status == Status.OK.value)
_ALL = _PEERS.order_by(peers.c.position)
_DOWNWARDS = _PEERS.order_by(peers.c.position.desc())
_LAST = _DOWNWARDS.limit(1)
_SERVING = _DOWNWARDS.where(_OPENING).limit(sa.bindparam('most'))
_ONE = _PEERS.where(peers.c.peer_id == sa.bindparam('id'))
_OCCUPIED = sa.select(peers.c.position).where(MINE, _PLACES)
_TAKEN = sa.select(peers.c.position).where(
    MINE,
    peers.c.position.between(sa.bindparam('first'), sa.bindparam('last')),
)


def _lowest(least: Opening) -> sa.Select[Any]:
    """Return the question for the lowest place of each opening.

    One descent of the index each: min() over several at once would read
    them all.
    """
    lowest = sa.func.min(peers.c.position)
    return sa.select(
        *(
            sa.select(lowest)
            .where(MINE, peers.c.opening == int(step))
            .scalar_subquery()
            for step in Opening
            if step >= least
        )
    )


@functools.cache
def _limited(query: sa.Select[Any], count: int) -> sa.Select[Any]:
    """Return a query limited to so many positions, p0, p1 and so on.

    There are never many; a list whose length is left open until the
    statement is run makes it cost half as much again.
    """
    places: list[Any] = [sa.bindparam(f'p{n}') for n in range(count)]
    return query.where(peers.c.position.in_(places))


_LOWEST = {least: _lowest(least) for least in Opening}


class TreeView:
    """Answers the questions of :class:`volt.executor.placement.View`."""

    def __init__(self, connection: sa.Connection, volume: Volume) -> None:
        self._connection = connection
        self._volume = volume

    @property
    def size(self) -> int:
        """Number of peers."""
        return self._volume.size

    @property
    def fanout(self) -> int:
        """Children per place."""
        return self._volume.fanout

    def get(self, peer_id: str) -> Peer | None:
        """Return the peer of that id."""
        return next(iter(self._fetch(_ONE, id=peer_id)), None)

    def all(self) -> list[Peer]:
        """Return every peer, the ones nearest to the root first."""
        return self._fetch(_ALL)

    def at(self, positions: Iterable[int]) -> dict[int, Peer]:
        """Return the peers at these positions, by position."""
        return self._at(_PEERS, positions)

    def serving_at(self, positions: Iterable[int]) -> dict[int, Peer]:
        """Return those of the peers there that have registered."""
        return self._at(_SERVING_ONES, positions)

    def occupied(self, positions: Iterable[int]) -> set[int]:
        """Return which of these positions are taken."""
        if isinstance(positions, range) and positions.step == 1:
            first, last = positions.start, positions.stop - 1
            found = self._execute(_TAKEN, first=first, last=last)
        else:
            found = self._execute(_OCCUPIED, places=list(positions))
        return set(found.scalars())

    def lowest_open(self, least: Opening) -> int | None:
        """Return the lowest peer position open to ``least`` or more."""
        lowest = self._execute(_LOWEST[least]).one()
        return min((one for one in lowest if one is not None), default=None)

    def highest_serving(self, limit: int) -> list[Peer]:
        """Return serving peers with room, highest position first."""
        return self._fetch(_SERVING, step=Opening.SERVING, most=limit)

    def last(self) -> Peer:
        """Return the peer at the highest position; the tree has one."""
        return self._fetch(_LAST)[0]

    def _at(
        self, query: sa.Select[Any], positions: Iterable[int]
    ) -> dict[int, Peer]:
        places = {f'p{n}': place for n, place in enumerate(positions)}
        if not places:
            return {}
        found = self._fetch(_limited(query, len(places)), **places)
        return {peer.position: peer for peer in found}

    def _fetch(self, query: sa.Select[Any], **values: Any) -> list[Peer]:
        found = self._execute(query, **values)
        return [rows.peer(row, self._volume.name) for row in found]

    def _execute(
        self, statement: sa.Executable, **values: Any
    ) -> sa.CursorResult[Any]:
        values['volume'] = self._volume.key
        return self._connection.execute(statement, values)
