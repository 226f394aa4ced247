# SPDX-License-Identifier: Apache-2.0
"""The peers of one tree: put in, changed, moved and taken out."""

import dataclasses
from collections.abc import Iterable

import sqlalchemy as sa

from volt.executor import shape
from volt.executor.placement import opening_of
from volt.model import Move, Opening, Peer, Status
from volt.registry import rows
from volt.registry.models import peers, volumes
from volt.registry.view import MINE, TreeView

# The columns of a row have names of their own in these statements: the
# plain ones are taken by the values to be written.
_IT = sa.and_(MINE, peers.c.peer_id == sa.bindparam("id"))
# Nobody wants to know the key that the database has given it.
_INSERT = peers.insert().inline()
_CHANGE = (
    peers.update()
    .where(_IT)
    .values(
        {
            name: sa.bindparam(f"new_{name}")
            for name in ("opening", "reserved_at", *rows.names)
        }
    )
)
_MOVE = peers.update().where(_IT).values(position=sa.bindparam("place"))
_OPEN = peers.update().where(_IT).values(opening=sa.bindparam("step"))
_FULL = (
    peers.update()
    .where(MINE, peers.c.position == sa.bindparam("above"))
    .values(opening=int(Opening.CLOSED))
)
_DELETE = peers.delete().where(_IT)
_ANY_OK = (
    sa.select(peers.c.key).where(MINE, peers.c.status == Status.OK).limit(1)
)
_GROW = (
    volumes.update()
    .where(volumes.c.key == sa.bindparam("volume"))
    .values(size=sa.bindparam("peers"))
)


class Peers(TreeView):
    """One tree; the caller has locked its volume before it writes."""

    def any_ok(self) -> bool:
        """Tell whether at least one peer serves the volume."""
        return self._execute(_ANY_OK).first() is not None

    def insert(self, peer: Peer, now: float, last: bool) -> None:
        """Put in a new peer; its position is free, hence all below it.

        ``last``: from now on the peer above has no room for another.
        """
        values = rows.values(peer)
        values |= {"volume_key": self._volume.key, "reserved_at": now}
        values["opening"] = opening_of(peer, 0, self.fanout)
        self._connection.execute(_INSERT, values)
        self._grow(1)
        if last:
            self._execute(_FULL, above=self._above(peer.position))

    def update(self, peer: Peer, now: float) -> None:
        """Write down what has changed about a peer, not where it stands."""
        taken = len(self.occupied(self._below(peer)))
        values = rows.values(peer) | {"reserved_at": now}
        values["opening"] = opening_of(peer, taken, self.fanout)
        new = {f"new_{name}": values[name] for name in values}
        self._execute(_CHANGE, id=peer.peer_id, **new)

    def remove(self, leaving: Peer, moves: Iterable[Move]) -> None:
        """Take out a peer and close the gap."""
        self._execute(_DELETE, id=leaving.peer_id)
        self._grow(-1)
        touched = {leaving.position}
        for move in moves:
            self._execute(_MOVE, id=move.peer.peer_id, place=move.position)
            touched |= {move.position, move.peer.position}
        self._reopen(touched | {self._above(place) for place in touched})

    def _above(self, position: int) -> int:
        return shape.parent_of(position, self.fanout)

    def _below(self, peer: Peer) -> range:
        return shape.children_of(peer.position, self.fanout)

    def _grow(self, by: int) -> None:
        self._volume = dataclasses.replace(self._volume, size=self.size + by)
        self._execute(_GROW, peers=self.size)

    def _reopen(self, positions: set[int]) -> None:
        """Note again who can take a child, at these positions."""
        here = self.at(positions).values()
        below = (place for peer in here for place in self._below(peer))
        taken = self.occupied(below)
        for peer in here:
            children = len(taken.intersection(self._below(peer)))
            step = opening_of(peer, children, self.fanout)
            self._execute(_OPEN, id=peer.peer_id, step=step)
