# SPDX-License-Identifier: Apache-2.0
"""Lists nodes, volumes and trees for operators, a page at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from volt.exception import MarkerNotFound, VolumeNotFound
from volt.executor import shape
from volt.model import Peer, Volume
from volt.registry.session import Registry
from volt.registry.unit import Unit


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A node as listed; times in seconds from now."""

    host: str
    age: float
    """Time since the node was heard of."""
    due: float
    """Time until the node is evicted if it stays silent."""
    peers: int


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """A peer and its place; ``age`` is that of its node, if known."""

    peer: Peer
    depth: int
    parent: str | None
    age: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class TreePage:
    """A tree and a page of its peers."""

    volume: Volume
    depth: int
    peers: list[Standing]


class Listing:
    """Reads pages from the registry; each is one consistent picture."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def members(self, marker: str = "", limit: int = 1000) -> list[Node]:
        """Return the nodes that follow the host ``marker``."""

        def work(unit: Unit) -> list[Node]:
            now = unit.now()
            return [
                Node(
                    node.name,
                    age=max(0.0, now - node.last_seen),
                    due=max(0.0, node.due - now),
                    peers=node.peers,
                )
                for node in unit.pages.members(marker, limit)
            ]

        return self._registry.read(work)

    def volumes(self, marker: str = "", limit: int = 1000) -> list[Volume]:
        """Return the volumes that follow the volume id ``marker``."""
        return self._registry.read(
            lambda unit: unit.pages.volumes(marker, limit)
        )

    def peers(
        self, name: str, marker: str | None = None, limit: int = 1000
    ) -> list[Peer]:
        """Return the peers that follow the peer id ``marker`` in the tree.

        Raises ``MarkerNotFound`` when that one has left.
        """

        def work(unit: Unit) -> list[Peer]:
            volume = _known(unit, name)
            after = _position(unit, volume, marker) if marker else shape.ROOT
            page = unit.pages.peers(volume, after, limit)
            return [peer for peer, _ in page]

        return self._registry.read(work)

    def tree(
        self, name: str, marker: int = shape.ROOT, limit: int = 1000
    ) -> TreePage:
        """Return a tree with a page of peers after the position ``marker``."""

        def work(unit: Unit) -> TreePage:
            volume = _known(unit, name)
            last = unit.peers(volume).last()
            page = unit.pages.peers(volume, marker, limit)
            return TreePage(
                volume,
                shape.level_of(last.position, volume.fanout),
                _standings(unit, volume, page),
            )

        return self._registry.read(work)


def _standings(
    unit: Unit, volume: Volume, page: Sequence[tuple[Peer, float | None]]
) -> list[Standing]:
    now, fanout = unit.now(), volume.fanout
    above = unit.peers(volume).at(
        {shape.parent_of(peer.position, fanout) for peer, _ in page}
    )
    standings = []
    for peer, seen in page:
        parent = above.get(shape.parent_of(peer.position, fanout))
        standings.append(
            Standing(
                peer,
                depth=shape.level_of(peer.position, fanout),
                parent=parent.peer_id if parent else None,
                age=None if seen is None else max(0.0, now - seen),
            )
        )
    return standings


def _known(unit: Unit, name: str) -> Volume:
    volume = unit.volumes.get(name)
    if volume is None:
        raise VolumeNotFound(f"there is no volume {name}; query it first")
    return volume


def _position(unit: Unit, volume: Volume, marker: str) -> int:
    peer = unit.peers(volume).get(marker)
    if peer is None:
        raise MarkerNotFound(
            f"volume {volume.name} has no peer {marker} any more, "
            "after which the page was to begin; begin anew, or use "
            "/v1/trees, whose marker is a position"
        )
    return peer.position
