# SPDX-License-Identifier: Apache-2.0
"""Draws a tree as lines of text, a line for each peer as it comes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from voltclient.branches import Twig
from voltclient.commands.values import spoken
from voltclient.trees import Tree, TreePeer
from voltclient.types import Portal


@dataclasses.dataclass(frozen=True, slots=True)
class Pen:
    """The characters that branches are drawn with."""

    through: str
    last: str
    along: str
    past: str


HEAD = 2
"""Lines above the branches."""

LINES = Pen("├── ", "└── ", "│   ", "    ")
ASCII = Pen("|-- ", "`-- ", "|   ", "    ")


def pen_for(encoding: str | None) -> Pen:
    """Return the pen whose lines this encoding has."""
    try:
        LINES.through.encode(encoding or "ascii")
        LINES.last.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return LINES


def draw(
    tree: Tree, servers: Iterable[Portal], twigs: Iterable[Twig], pen: Pen
) -> Iterator[str]:
    """Yield the lines: the image servers as the root, then the branches.

    volume-image1: 3 peers, depth 2, fan-out 2
    image servers: 10.0.0.1:3260
    ├── 10.0.0.11  OK  depth 1  heard 0.4 s ago
    │   └── 10.0.0.13  pending  depth 2  heard 1.2 s ago
    └── 10.0.0.12  OK  depth 1  heard 2.0 s ago
    """
    peers = "peer" if tree.count == 1 else "peers"
    yield (
        f"{tree.id}: {tree.count} {peers}, depth {tree.depth}, "
        f"fan-out {tree.fanout}"
    )
    portals = [f"{_host(portal.host)}:{portal.port}" for portal in servers]
    yield f"image servers: {', '.join(portals) or 'none registered'}"
    for twig in twigs:
        yield _stem(twig.more, pen) + _facts(tree.id, twig.peer)


def _stem(more: tuple[bool, ...], pen: Pen) -> str:
    above = "".join(
        pen.along if follows else pen.past for follows in more[:-1]
    )
    return above + (pen.through if more[-1] else pen.last)


def _facts(volume_id: str, peer: TreePeer) -> str:
    heard = "never heard"
    if peer.age is not None:
        heard = f"heard {spoken(peer.age)} ago"
    facts = [peer.host, peer.status, f"depth {peer.depth}", heard]
    if peer.member != peer.host:
        facts.append(f"member {peer.member}")
    if peer.peer_id != f"{peer.member}:{volume_id}":
        # Needed for "volt peer remove", and not to be guessed.
        facts.append(f"peer {peer.peer_id}")
    return "  ".join(facts)


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
