# SPDX-License-Identifier: Apache-2.0
"""The peers of one tree: looked up, put in, moved and taken out."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from volt.executor import shape
from volt.model import Move, Opening, Peer, Status, Volume
from volt.registry import rows
from volt.registry.models import peers, volumes
from volt.registry.view import TreeView


class Peers(TreeView):
    """One tree; the caller has locked its volume before it writes."""

    def __init__(self, connection: sa.Connection, volume: Volume) -> None:
        super().__init__(connection, volume)
        self.name = volume.name

    def get(self, peer_id: str) -> Peer | None:
        """Return the peer of that id."""
        found = self._select(peers.c.peer_id == peer_id)
        return found[0] if found else None

    def all(self) -> list[Peer]:
        """Return every peer, the ones nearest to the root first."""
        return self._select()

    def any_ok(self) -> bool:
        """Tell whether at least one peer serves the volume."""
        query = sa.select(peers.c.key).where(
            peers.c.volume_key == self._key, peers.c.status == Status.OK
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def insert(self, peer: Peer, now: float) -> None:
        """Put in a new peer; its position is free."""
        values = rows.values(peer) | {
            'volume_key': self._key,
            'opening': Opening.CLOSED,
            'reserved_at': now,
        }
        self._connection.execute(peers.insert().values(**values))
        self._grow(1)
        self._reopen({peer.position, self._above(peer.position)})

    def update(self, peer: Peer, now: float) -> None:
        """Write down what has changed about a peer, not where it stands."""
        self._write(peer.peer_id, rows.values(peer) | {'reserved_at': now})
        self._reopen({peer.position})

    def remove(self, leaving: Peer, moves: Iterable[Move]) -> None:
        """Take out a peer and close the gap."""
        self._connection.execute(
            peers.delete().where(
                peers.c.volume_key == self._key,
                peers.c.peer_id == leaving.peer_id,
            )
        )
        self._grow(-1)
        touched = {leaving.position}
        for move in moves:
            self._write(move.peer.peer_id, {'position': move.position})
            touched |= {move.position, move.peer.position}
        self._reopen(touched | {self._above(place) for place in touched})

    def _above(self, position: int) -> int:
        return shape.parent_of(position, self.fanout)

    def _write(self, peer_id: str, values: dict[str, Any]) -> None:
        self._connection.execute(
            peers.update()
            .where(peers.c.volume_key == self._key, peers.c.peer_id == peer_id)
            .values(**values)
        )

    def _grow(self, by: int) -> None:
        self._volume = dataclasses.replace(self._volume, size=self.size + by)
        self._connection.execute(
            volumes.update()
            .where(volumes.c.key == self._key)
            .values(size=self.size)
        )

    def _reopen(self, positions: set[int]) -> None:
        """Note again who can take a child, at these positions."""
        for peer in self.at(positions).values():
            self._write(peer.peer_id, {'opening': self._opening(peer)})

    def _opening(self, peer: Peer) -> Opening:
        below = shape.children_of(peer.position, self.fanout)
        if not peer.reachable_soon or len(self.occupied(below)) == len(below):
            return Opening.CLOSED
        return Opening.SERVING if peer.serves else Opening.PROMISED
