# SPDX-License-Identifier: Apache-2.0
"""Chooses a newcomer's place, and the peer that fills a place left free.

Pure functions over a :class:`View` of one tree: no SQL, no clock.  Each
question they ask of the view costs O(log n) or less.

Why the tree stays flat: a newcomer takes the lowest open place, and none
deeper than ``level_limit``; when a peer leaves from above the bottom, the
last peer moves into its place.  For a level l = j+2 let m be the number of
peers at l or deeper.  With fan-out k a join can raise m only when the tree
then holds at least k**j peers, and every leave lowers m and the size by
one; so m <= max(0, size - k**j + 1) always holds, which says that no peer
is ever below the limit, whatever the order of joins and leaves, with one
move for each leave.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from typing import Protocol

from volt.executor import shape
from volt.model import Move, Opening, Peer

CANDIDATES = 8
"""Number of serving peers that are examined to find a serving leaf."""


class View(Protocol):
    """The questions that placement asks about one tree."""

    @property
    def size(self) -> int:
        """Number of peers."""

    @property
    def fanout(self) -> int:
        """Children per place."""

    def lowest_open(self, least: Opening) -> Vacancy | None:
        """Return the lowest place whose peer is open to ``least`` or more."""

    def highest_serving(self, limit: int) -> list[Peer]:
        """Return serving peers with room, highest position first."""

    def occupied(self, positions: Iterable[int]) -> Collection[int]:
        """Return those of the positions that are taken."""

    def last(self) -> Peer:
        """Return the peer at the highest position; the tree has one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Vacancy:
    """A position with free places below it, and the taken ones there."""

    position: int
    taken: Collection[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A free position; ``last``: it is the last free one of its parent."""

    position: int
    last: bool


def place(view: View, least: Opening) -> Place | None:
    """Return the place for a newcomer, None when there is none now.

    ``least`` is the least opening of its parent: SERVING for a client that
    needs a working parent at once, PROMISED for one that can wait.
    """
    # A place below the root is free only when no peer stands deeper.
    few = view.size < view.fanout
    free = _free_child(view, _root(view)) if few else None
    free = free or _free_child(view, view.lowest_open(least))
    if free is None:
        return None
    deepest = shape.level_limit(view.size + 1, view.fanout)
    level = shape.level_of(free.position, view.fanout)
    return free if level <= deepest else None


def vacate(view: View, leaving: Peer) -> list[Move]:
    """Return the moves that close the gap when ``leaving`` goes.

    The view still holds it.  One move at most, two when the last peer is
    not serving yet and children would have to wait for it: then a serving
    leaf takes the place, and the last peer the leaf's.
    """
    last = view.last()
    parent = bool(view.occupied(_below(view, leaving)))
    if not parent and not _deeper(view, last, leaving):
        return []
    if not parent or last.serves:
        return [Move(last, leaving.position)]
    leaf = _serving_leaf(view)
    if leaf is None or leaf.position < leaving.position:
        return [Move(last, leaving.position)]
    moves = [Move(leaf, leaving.position)]
    if _deeper(view, last, leaf):
        moves.append(Move(last, leaf.position))
    return moves


def opening_of(peer: Peer, children: int, fanout: int) -> Opening:
    """Return the opening of a peer that has so many children."""
    if children >= fanout or not peer.reachable_soon:
        return Opening.CLOSED
    return Opening.SERVING if peer.serves else Opening.PROMISED


def _root(view: View) -> Vacancy:
    places = shape.children_of(shape.ROOT, view.fanout)
    return Vacancy(shape.ROOT, view.occupied(places))


def _free_child(view: View, above: Vacancy | None) -> Place | None:
    if above is None:
        return None
    places = shape.children_of(above.position, view.fanout)
    free = next((place for place in places if place not in above.taken), None)
    if free is None:
        return None
    return Place(free, last=len(above.taken) == view.fanout - 1)


def _below(view: View, peer: Peer) -> range:
    return shape.children_of(peer.position, view.fanout)


def _deeper(view: View, peer: Peer, other: Peer) -> bool:
    return shape.level_of(peer.position, view.fanout) > shape.level_of(
        other.position, view.fanout
    )


def _serving_leaf(view: View) -> Peer | None:
    peers = view.highest_serving(CANDIDATES)
    below = {place for peer in peers for place in _below(view, peer)}
    taken = set(view.occupied(below))
    return next(
        (peer for peer in peers if not taken.intersection(_below(view, peer))),
        None,
    )
