# SPDX-License-Identifier: Apache-2.0
"""One tree as placement sees it; each question is one index descent.

Statements are built once, because to build one takes longer than to run it.
"""

from __future__ import annotations

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
    """Return the query for the lowest place of each opening, and the last.

    Each is one descent of the index; min() over several openings at once
    would read all of their places.
    """
    lowest = sa.select(sa.func.min(peers.c.position)).where(MINE)
    last = sa.select(sa.func.max(peers.c.position)).where(MINE)
    steps = [
        lowest.where(peers.c.opening == int(step))
        for step in Opening
        if step >= least
    ]
    return sa.select(*(step.scalar_subquery() for step in (*steps, last)))


@functools.cache
def _at(count: int, serving: int) -> sa.Select[Any]:
    """Return the query for the peers at some positions.

    It has ``count`` positions p0, p1 and so on for all peers, and
    ``serving`` positions s0, s1 and so on for serving peers only.  Their
    numbers are small and fixed per query: a list whose length is left open
    until the statement is run makes it cost half as much again.
    """
    all_ = peers.c.position.in_(_places("p", count))
    if not serving:
        return _PEERS.where(all_)
    # All positions are in one list, so that the index serves the whole query.
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
        """Return the peer of an id, or None."""
        return next(iter(self._fetch(_ONE, id=peer_id)), None)

    def all(self) -> list[Peer]:
        """Return every peer of the tree, those nearest to the root first."""
        return self._fetch(_ALL)

    def at(
        self, positions: Iterable[int], serving: Iterable[int] = ()
    ) -> dict[int, Peer]:
        """Return the peers at some positions, by position.

        At the positions ``serving``, only peers that have registered.
        """
        values = _numbered("p", positions)
        others = _numbered("s", serving)
        if not values and not others:
            return {}
        query = _at(len(values), len(others))
        peers = self._fetch(query, **values, **others)
        return {peer.position: peer for peer in peers}

    def occupied(self, positions: Iterable[int]) -> set[int]:
        """Return those of the positions that are taken."""
        if isinstance(positions, range) and positions.step == 1:
            first, last = positions.start, positions.stop - 1
            taken = self._execute(_TAKEN, first=first, last=last)
        else:
            taken = self._execute(_OCCUPIED, places=list(positions))
        return set(taken.scalars())

    def lowest_open(self, least: Opening) -> Vacancy | None:
        """Return the lowest place whose peer is open to ``least`` or more."""
        *lowest, last = self._execute(_LOWEST[least]).one()
        positions = [position for position in lowest if position is not None]
        if not positions:
            return None
        above = min(positions)
        places = shape.children_of(above, self.fanout)
        if last == self.size:
            # The last position is the number of peers: no gap before it.
            return Vacancy(above, [place for place in places if place <= last])
        return Vacancy(above, self.occupied(places))

    def highest_serving(self, limit: int) -> list[Peer]:
        """Return serving peers with room, highest position first."""
        return self._fetch(_SERVING, step=Opening.SERVING, most=limit)

    def last(self) -> Peer:
        """Return the peer at the highest position; the tree has one."""
        return self._fetch(_LAST)[0]

    def _fetch(self, query: sa.Select[Any], **values: Any) -> list[Peer]:
        matches = self._execute(query, **values)
        return [rows.peer(row, self._volume.name) for row in matches]

    def _execute(
        self, statement: sa.Executable, **values: Any
    ) -> sa.CursorResult[Any]:
        values["volume"] = self._volume.key
        return self._connection.execute(statement, values)


def _numbered(prefix: str, positions: Iterable[int]) -> dict[str, int]:
    return {f"{prefix}{n}": place for n, place in enumerate(positions)}
