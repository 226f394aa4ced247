# SPDX-License-Identifier: Apache-2.0
"""Reads a tree branch by branch, without ever holding it whole.

volt tells a tree level by level, it is drawn branch by branch.  Yet going
down the branches from left to right meets each level from left to right,
too.  So one reader a level, a page ahead, is all that is held: as many pages
as the tree is deep, whatever the number of peers.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Iterator

from voltclient.trees import ABOVE_ALL, TreeManager, TreePeer

PAGE = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Twig:
    """A peer on its branch.

    ``more`` says of each peer from the top of the branch down to this one
    whether others follow that have the same parent.
    """

    peer: TreePeer
    more: tuple[bool, ...]


class Branches:
    """The tree of one volume; raises ``HTTPNotFound`` without a tree."""

    def __init__(
        self, trees: TreeManager, volume_id: str, page_size: int = PAGE
    ) -> None:
        self.tree = trees.get(volume_id, page_size)
        self._trees = trees
        self._page_size = page_size

    @property
    def _known(self) -> int | None:
        """The last position of the page at hand; None: it has all peers."""
        peers = self.tree.peers
        if len(peers) >= self.tree.count:
            return None
        return peers[-1].position if peers else ABOVE_ALL

    def by_level(self) -> Iterator[TreePeer]:
        """Yield all peers, ordered by position."""
        yield from self.tree.peers
        if self._known is not None:
            yield from self._trees.iterate(
                self.tree.id, self._page_size, self._known
            )

    def by_branch(
        self, top: int = ABOVE_ALL, deepest: int | None = None
    ) -> Iterator[Twig]:
        """Yield the peers below the position ``top``, branch by branch.

        Peers deeper than ``deepest`` are left out.  So are those whose
        parent moved away while the tree was being read.
        """
        levels = [_Level(self, top, top)]

        def children(position: int, level: int) -> list[TreePeer]:
            if level == len(levels):
                levels.append(levels[-1].below())
            first = position * self.tree.fanout + 1
            return levels[level].between(first, first + self.tree.fanout - 1)

        waiting = _twigs(children(top, 1), ())
        while waiting:
            twig = waiting.pop()
            if deepest is not None and twig.peer.depth > deepest:
                return
            yield twig
            if twig.peer.depth != deepest:
                below = children(twig.peer.position, len(twig.more) + 1)
                waiting += _twigs(below, twig.more)

    def above(self, position: int) -> list[TreePeer]:
        """Return the ancestors of a position, the topmost first."""
        peers: list[TreePeer] = []
        while (position := (position - 1) // self.tree.fanout) > ABOVE_ALL:
            peers += self.between(position, position)
        return peers[::-1]

    def between(self, first: int, last: int) -> Iterator[TreePeer]:
        """Yield the peers of a range of positions."""
        peers = self.tree.peers
        start = bisect.bisect_left(peers, first, key=_position)
        end = bisect.bisect_right(peers, last, key=_position)
        yield from peers[start:end]
        if self._known is not None and last > self._known:
            size = min(self._page_size, last - first + 1)
            after = max(first - 1, self._known)
            rest = self._trees.iterate(self.tree.id, size, after)
            yield from itertools.takewhile(
                lambda peer: peer.position <= last, rest
            )


class _Level:
    """Reads one level of a branch from left to right."""

    def __init__(self, branches: Branches, first: int, last: int) -> None:
        self._branches = branches
        self._first = first
        self._last = last
        self._peers = branches.between(first, last)
        self._next: TreePeer | None = None

    def below(self) -> _Level:
        """Return the reader of the next level."""
        fanout = self._branches.tree.fanout
        first, last = self._first * fanout + 1, (self._last + 1) * fanout
        return _Level(self._branches, first, last)

    def between(self, first: int, last: int) -> list[TreePeer]:
        """Return the peers of a range that lies right of all before it."""
        peers = []
        while (peer := self._peek()) and peer.position <= last:
            if peer.position >= first:
                peers.append(peer)
            self._next = None
        return peers

    def _peek(self) -> TreePeer | None:
        if self._next is None:
            self._next = next(self._peers, None)
        return self._next


def _twigs(peers: list[TreePeer], above: tuple[bool, ...]) -> list[Twig]:
    """Return the twigs of these siblings, the first one last."""
    return [
        Twig(peer, (*above, number > 0))
        for number, peer in enumerate(reversed(peers))
    ]


def _position(peer: TreePeer) -> int:
    return peer.position
