# SPDX-License-Identifier: Apache-2.0
"""Selects a part of a tree: some levels, or the branch of a node."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from voltclient.branches import Branches, Twig
from voltclient.commands.failures import Missing
from voltclient.trees import TreePeer


class Part:
    """A tree down to ``depth``, or of it the branch of the node ``host``.

    That branch is the node with its ancestors and its descendants.  None
    stands for all.  Raises ``Missing`` when the node has no place in the
    tree.
    """

    def __init__(
        self, branches: Branches, depth: int | None, host: str | None
    ) -> None:
        self._branches = branches
        self._depth = depth
        self._node = None if host is None else _find(branches, host)

    @property
    def whole(self) -> bool:
        """Whether the part is the whole tree."""
        return self._depth is None and self._node is None

    def twigs(self) -> Iterator[Twig]:
        """Yield the peers of the part, branch by branch."""
        if self._node is None:
            return self._branches.by_branch(deepest=self._depth)
        return self._branch(self._node)

    def peers(self) -> Iterator[TreePeer]:
        """Yield the peers of the part by level; a branch as it is drawn."""
        if self._node is not None:
            return (twig.peer for twig in self._branch(self._node))
        return itertools.takewhile(self._shown, self._branches.by_level())

    def _branch(self, node: TreePeer) -> Iterator[Twig]:
        more: tuple[bool, ...] = ()
        for peer in [*self._branches.above(node.position), node]:
            more = (*more, False)
            if self._shown(peer):
                yield Twig(peer, more)
        below = self._branches.by_branch(node.position, self._depth)
        yield from (Twig(twig.peer, more + twig.more) for twig in below)

    def _shown(self, peer: TreePeer) -> bool:
        return self._depth is None or peer.depth <= self._depth


def _find(branches: Branches, host: str) -> TreePeer:
    for peer in branches.by_level():
        if host in (peer.member, peer.host, peer.peer_id):
            return peer
    raise Missing(
        f"node {host} has no place in the tree of {branches.tree.id}; "
        f"'volt member show {host}' tells which it has"
    )
