# SPDX-License-Identifier: Apache-2.0
"""Calls about trees: the places and parents of a volume's peers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from voltclient import paging
from voltclient.exceptions import NotFound
from voltclient.http import HTTPClient
from voltclient.types import parsed, pick

ABOVE_ALL = 0
"""The position of the image servers, above all peers."""


@dataclasses.dataclass(frozen=True, slots=True)
class TreePeer:
    """A peer and its place.

    ``position`` counts the places of the tree level by level (with fan-out
    k the children of p stand at k*p+1 ... k*p+k; 0, above all of them, are
    the image servers), ``depth`` is 1 for those under an image server,
    ``parent`` is the peer id of the tree parent and None for these.
    ``member`` is the node that beats for it, ``age`` the seconds since that
    was heard last (None: never).  ``port``, ``iqn`` and ``lun`` are None as
    long as the peer has not told them.
    """

    peer_id: str
    host: str
    port: str | None
    iqn: str | None
    lun: str | None
    status: str
    member: str
    position: int
    depth: int
    parent: str | None
    age: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """The tree of a volume, or a page of it.

    ``count`` and ``depth`` are those of the whole tree, ``peers`` is what
    this page has, ordered by position.
    """

    id: str
    count: int
    fanout: int
    depth: int
    peers: list[TreePeer]

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Tree:
        """Return the tree of an answer."""
        peers = [pick(TreePeer, peer) for peer in answer["peers"]]
        return pick(cls, {**answer, "peers": peers})


class TreeManager:
    """Calls about trees.  A tree's id is the volume's."""

    def __init__(self, http_client: HTTPClient) -> None:
        self._http = http_client

    def get(
        self,
        volume_id: str,
        limit: int | None = None,
        marker: int | None = None,
    ) -> Tree:
        """Return a page: up to ``limit`` peers after position ``marker``.

        Without a limit it is volt that chooses one.  Raises
        ``HTTPNotFound`` for a volume without peers.
        """
        query = paging.parameters(limit, marker)
        answer = self._http.call("GET", "trees", volume_id, query=query)
        return parsed(Tree.parse, answer)

    def iterate(
        self,
        volume_id: str,
        page_size: int = paging.SIZE,
        after: int = ABOVE_ALL,
    ) -> Iterator[TreePeer]:
        """Yield the peers that follow a position, fetched page by page.

        Between two pages the tree may change: a peer that moves can be
        told twice, or not at all; the end is near when all have left.
        """

        def page(marker: int | None) -> list[TreePeer]:
            try:
                start = after if marker is None else marker
                return self.get(volume_id, page_size, start or None).peers
            except NotFound:
                if marker is None and after == ABOVE_ALL:
                    raise
                return []

        return paging.iterate(page, lambda peer: peer.position)
