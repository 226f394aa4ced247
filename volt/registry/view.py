# SPDX-License-Identifier: Apache-2.0
"""One tree as placement sees it: each answer is one descent of an index.

Statements are made once: making one takes longer than running it.
"""

import functools
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from volt.executor import shape
from volt.executor.placement import Vacancy
from volt.model import Opening, Peer, Status, Volume
from volt.registry import rows
from volt.registry.models import peers

MINE = peers.c.volume_key == sa.bindparam("volume")
_PLACES = peers.c.position.in_(sa.bindparam("places", expanding=True))
_OPENING = peers.c.opening == sa.bindparam("step")

_PEERS = sa.select(*rows.columns).where(MINE)
_OK = peers.c.status == Status.OK.value
_ALL = _PEERS.order_by(peers.c.position)
_DOWNWARDS = _PEERS.order_by(peers.c.position.desc())
_LAST = _DOWNWARDS.limit(1)
_SERVING = _DOWNWARDS.where(_OPENING).limit(sa.bindparam("most"))
_ONE = _PEERS.where(peers.c.peer_id == sa.bindparam("id"))
_OCCUPIED = sa.select(peers.c.position).where(MINE, _PLACES)
_TAKEN = sa.select(peers.c.position).where(
    MINE,
    peers.c.position.between(sa.bindparam("first"), sa.bindparam("last")),
)


def _lowest(least: Opening) -> sa.Select[Any]:
    """Return the question for the lowest place of each opening, and the last.

    One descent of the index each: min() over several at once would read
    them all.
    """
    lowest = sa.select(sa.func.min(peers.c.position)).where(MINE)
    last = sa.select(sa.func.max(peers.c.position)).where(MINE)
    steps = [
        lowest.where(peers.c.opening == int(step))
        for step in Opening
        if step >= least
    ]
    return sa.select(*(one.scalar_subquery() for one in (*steps, last)))


@functools.cache
def _at(count: int, serving: int) -> sa.Select[Any]:
    """Return the query for peers at positions.

    All at so many positions, p0, p1 and so on; the serving ones at so many
    others, s0, s1 and so on.
    There are never many; a list whose length is left open until the
    statement is run makes it cost half as much again.
    """
    all_ = peers.c.position.in_(_places("p", count))
    if not serving:
        return _PEERS.where(all_)
    # All positions in one list: the index is asked for those, and no other.
    others = _places("s", serving)
    anywhere = peers.c.position.in_([*_places("p", count), *others])
    return _PEERS.where(anywhere, sa.or_(_OK, all_) if count else _OK)


def _places(prefix: str, count: int) -> list[Any]:
    return [sa.bindparam(f"{prefix}{n}") for n in range(count)]


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

    def at(
        self, positions: Iterable[int], serving: Iterable[int] = ()
    ) -> dict[int, Peer]:
        """Return the peers at these positions, by position.

        At the positions ``serving`` only those that have registered.
        """
        values = _numbered("p", positions)
        others = _numbered("s", serving)
        if not values and not others:
            return {}
        query = _at(len(values), len(others))
        found = self._fetch(query, **values, **others)
        return {peer.position: peer for peer in found}

    def occupied(self, positions: Iterable[int]) -> set[int]:
        """Return which of these positions are taken."""
        if isinstance(positions, range) and positions.step == 1:
            first, last = positions.start, positions.stop - 1
            found = self._execute(_TAKEN, first=first, last=last)
        else:
            found = self._execute(_OCCUPIED, places=list(positions))
        return set(found.scalars())

    def lowest_open(self, least: Opening) -> Vacancy | None:
        """Return the lowest peer open to ``least`` or more."""
        *lowest, last = self._execute(_LOWEST[least]).one()
        known = [one for one in lowest if one is not None]
        if not known:
            return None
        above = min(known)
        places = shape.children_of(above, self.fanout)
        if last == self.size:
            # So many peers, and none further back: every place is taken.
            return Vacancy(above, [one for one in places if one <= last])
        return Vacancy(above, self.occupied(places))

    def highest_serving(self, limit: int) -> list[Peer]:
        """Return serving peers with room, highest position first."""
        return self._fetch(_SERVING, step=Opening.SERVING, most=limit)

    def last(self) -> Peer:
        """Return the peer at the highest position; the tree has one."""
        return self._fetch(_LAST)[0]

    def _fetch(self, query: sa.Select[Any], **values: Any) -> list[Peer]:
        found = self._execute(query, **values)
        return [rows.peer(row, self._volume.name) for row in found]

    def _execute(
        self, statement: sa.Executable, **values: Any
    ) -> sa.CursorResult[Any]:
        values["volume"] = self._volume.key
        return self._connection.execute(statement, values)


def _numbered(prefix: str, positions: Iterable[int]) -> dict[str, int]:
    return {f"{prefix}{n}": place for n, place in enumerate(positions)}
