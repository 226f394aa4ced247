# SPDX-License-Identifier: Apache-2.0
"""The ordered sources of one peer: its parents, then the image servers."""

from __future__ import annotations

from collections.abc import Sequence

from volt.model import Address, Peer, Portals, Source, Status

Stripes = tuple[tuple[Source, ...], ...]


def stripes(
    parents: Sequence[Peer],
    portals: Sequence[Address],
    turn: int,
    failed: Portals = frozenset(),
) -> Stripes:
    """Return the stripes of a peer; so far there is always one.

    ``turn`` rotates the image servers, so that the peers that read from
    them are spread over all of them.  Those at which the reader has just
    ``failed`` to read stand last: a reader without another source waits
    for them.
    """
    first = [
        Source(peer.address, peer.status, peer.peer_id) for peer in parents
    ]
    last = [
        Source(address, Status.OK, None)
        for address in sorted(
            rotated(portals, turn), key=lambda portal: portal.portal in failed
        )
    ]
    return (tuple(first + last),)


def rotated(portals: Sequence[Address], turn: int) -> list[Address]:
    """Return the portals in a fixed order, beginning at the ``turn``-th."""
    ordered = sorted(
        portals, key=lambda portal: (portal.host, portal.port or "")
    )
    start = turn % len(ordered) if ordered else 0
    return ordered[start:] + ordered[:start]
