# SPDX-License-Identifier: Apache-2.0
"""Which peers a peer reads from: what all policies have in common.

A policy sees positions and peers, never the registry.  It is asked twice:
first for the positions it wants to know about, then, with the peers found
there, for the parents.  Where all is well the few positions of ``best`` do;
else the serving ones at those of ``reach`` are wanted, too, O(log n) of them.
"""

import abc
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from volt.executor import shape
from volt.model import Peer, Portals

Near = Mapping[int, Peer]


class Policy(abc.ABC):
    """Chooses up to ``parents`` peers to read from, the tree parent first.

    All of them stand on a higher level than the reader, so the graph of
    who reads from whom has no cycle.
    """

    def __init__(self, parents: int = 2) -> None:
        self.parents = parents

    @abc.abstractmethod
    def extras(self, position: int, fanout: int) -> Iterator[int]:
        """Yield where to look for extra parents, the best place first."""

    def best(self, position: int, fanout: int) -> set[int]:
        """Return the positions of whom it reads from when all of them serve.

        Seeing these, ``choose`` answers as if it saw all of ``reach``.
        """
        first = shape.lineage(position, fanout)[:1]
        extras = self.extras(position, fanout)
        return {*first, *itertools.islice(extras, self.parents - 1)}

    def reach(self, position: int, fanout: int) -> set[int]:
        """Return the positions where a stand-in may be found, if it serves."""
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
        """Return whom to read from, best first.

        While the tree parent cannot be named, its nearest ancestor that
        serves stands in for it.  ``pending``: the reader accepts a tree
        parent that has only announced its address.  Extra parents always
        serve.  Nobody is named at whose portal the reader has just
        ``failed`` to read.
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
    found = (near[place] for place in places if place in near)
    return list(itertools.islice(filter(usable, found), most))


def _now(peer: Peer) -> bool:
    return peer.serves


def _soon(peer: Peer) -> bool:
    return peer.reachable_soon
