# SPDX-License-Identifier: Apache-2.0
"""The base of policies, which choose the peers that a peer reads from.

A policy sees positions and peers, never the registry.  It is called twice:
first for the positions that it needs, then, with the peers at these
positions, for the parents.  When all peers at the few positions of ``best``
serve, these suffice; else the serving peers at the positions of ``reach`` are
needed, too, O(log n) of them.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from volt.executor import shape
from volt.model import Peer, Portals

Near = Mapping[int, Peer]


class Policy(abc.ABC):
    """Chooses up to ``parents`` peers to read from, the tree parent first.

    All of them stand on a higher level than the reader, so the graph of
    readers and sources has no cycle.
    """

    def __init__(self, parents: int = 2) -> None:
        self.parents = parents

    @abc.abstractmethod
    def extras(self, position: int, fanout: int) -> Iterator[int]:
        """Yield the places of possible extra parents, the best one first."""

    def best(self, position: int, fanout: int) -> set[int]:
        """Return the positions of the parents when all of them serve.

        With the peers there, ``choose`` answers as with all of ``reach``.
        """
        first = shape.lineage(position, fanout)[:1]
        extras = self.extras(position, fanout)
        return {*first, *itertools.islice(extras, self.parents - 1)}

    def reach(self, position: int, fanout: int) -> set[int]:
        """Return the positions of all possible parents, stand-ins included."""
        extras = self.extras(position, fanout)
        return {*shape.lineage(position, fanout), *extras}

    def choose(
        self,
        position: int,
        fanout: int,
        near: Near,
        *,
        pending: bool,
        failed: Portals = frozenset(),
    ) -> list[Peer]:
        """Return the parents to read from, the best first.

        While the tree parent cannot be used, its nearest ancestor that
        serves stands in for it.  ``pending``: the reader accepts a tree
        parent that has only announced its address.  Extra parents always
        serve.  Peers at portals where the reader has just ``failed`` to
        read are left out.
        """
        left = {
            place: near[place]
            for place in near
            if near[place].address.portal not in failed
        }
        usable = _soon if pending else _now
        lineage = shape.lineage(position, fanout)
        first = _pick(lineage[:1], left, usable, 1)
        first = first or _pick(lineage[1:], left, _now, 1)
        extras = self.extras(position, fanout)
        return first + _pick(extras, left, _now, self.parents - 1)


def _pick(
    places: Iterable[int],
    near: Near,
    usable: Callable[[Peer], bool],
    most: int,
) -> list[Peer]:
    peers = (near[place] for place in places if place in near)
    return list(itertools.islice(filter(usable, peers), most))


def _now(peer: Peer) -> bool:
    return peer.serves


def _soon(peer: Peer) -> bool:
    return peer.reachable_soon
