# SPDX-License-Identifier: Apache-2.0
"""The peers of one tree in the registry: added, changed, moved, removed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import sqlalchemy as sa

from volt.executor import shape
from volt.executor.placement import opening_of
from volt.model import Move, Opening, Peer, Status
from volt.registry import rows
from volt.registry.models import peers, volumes
from volt.registry.view import MINE, TreeView

# Parameters of conditions have other names than the columns in these
# statements, because SQLAlchemy takes a column's name for its new value.
_IT = sa.and_(MINE, peers.c.peer_id == sa.bindparam("id"))
# inline(): the new row's key is not needed, so it is not fetched.
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
    """The peers of one tree; to write, the caller must lock its volume."""

    def any_ok(self) -> bool:
        """Return whether at least one peer serves the volume."""
        return self._execute(_ANY_OK).first() is not None

    def insert(self, peer: Peer, now: float, last: bool) -> None:
        """Insert a new peer; its position and all places below it are free.

        ``last``: it takes the last free place below its parent.
        """
        values = rows.values(peer)
        values |= {"volume_key": self._volume.key, "reserved_at": now}
        values["opening"] = opening_of(peer, 0, self.fanout)
        self._connection.execute(_INSERT, values)
        self._grow(1)
        if last:
            self._execute(_FULL, above=self._above(peer.position))

    def update(self, peer: Peer, now: float) -> None:
        """Write the fields of a peer, except for a changed position."""
        taken = len(self.occupied(self._below(peer)))
        values = rows.values(peer) | {"reserved_at": now}
        values["opening"] = opening_of(peer, taken, self.fanout)
        new = {f"new_{name}": values[name] for name in values}
        self._execute(_CHANGE, id=peer.peer_id, **new)

    def remove(self, leaving: Peer, moves: Iterable[Move]) -> None:
        """Delete a peer, and move others to close the gap."""
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
        """Write anew which readers the peers at some positions can take."""
        here = self.at(positions).values()
        below = (place for peer in here for place in self._below(peer))
        taken = self.occupied(below)
        for peer in here:
            children = len(taken.intersection(self._below(peer)))
            step = opening_of(peer, children, self.fanout)
            self._execute(_OPEN, id=peer.peer_id, step=step)
