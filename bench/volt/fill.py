# SPDX-License-Identifier: Apache-2.0
"""Makes a tree of many peers quickly: volt makes one, the rest are copies.

The first node joins and registers as nodes do.  What volt wrote about it,
whatever that is, is then written again under other names at the other
positions, in bulk.  That the result is a right tree is read back through
the API.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from bench.volt import asks
from bench.volt.asks import peer_id
from bench.volt.inside import Inside
from bench.volt.meter import Burst
from volt.executor import shape
from volt.model import Opening
from volt.registry import engine
from volt.registry.dialect import Mode
from volt.registry.models import members, peers, volumes

BATCH = 10_000
Row = dict[str, Any]


class NotRight(Exception):
    """What volt tells is not what it should: the figures are worth nothing."""


def name(position: int) -> str:
    """Return the name of the node that stands there at first."""
    return f'node{position}'


def fill(volt: Inside, url: str, nodes: int) -> None:
    """Fill an empty registry with a tree of so many nodes that serve."""
    first = name(1)
    right(volt.ask([make(first) for make in (asks.join, asks.register)]))
    right(volt.ask([asks.image()]))
    opened = engine.connect(url)
    with engine.within(opened, Mode.WRITE).begin() as writer:
        _copy(writer, nodes)
    opened.dispose()
    check(volt, nodes)


def check(volt: Inside, nodes: int) -> int:
    """Read the tree through the API; return its depth."""
    seen: list[Mapping[str, Any]] = []
    while len(seen) < nodes:
        after = seen[-1]['position'] if seen else 0
        (reply,) = right(volt.ask([asks.page(after)])).replies
        told: Any = reply.told
        seen += told['peers']
        if not told['peers'] or told['count'] != nodes:
            raise NotRight(f"{len(seen)} peers of {nodes}: {told['count']}")
    places = {one['position']: one['peer_id'] for one in seen}
    for one in seen:
        above = shape.parent_of(one['position'], told['fanout'])
        if len(places) != nodes or one['parent'] != places.get(above):
            raise NotRight(f"{one} does not stand right")
    return int(told['depth'])


def right(burst: Burst) -> Burst:
    """Return it; raise ``NotRight`` unless every answer is a success."""
    for reply in burst.replies:
        if reply.status != 200:
            raise NotRight(f"{reply.ask}: {reply.status} {reply.body!r}")
    return burst


def _copy(writer: sa.Connection, nodes: int) -> None:
    peer = _only(writer, peers)
    member = _only(writer, members)
    fanout = _only(writer, volumes)['fanout']
    del peer['key']
    writer.execute(peers.update().values(opening=_opening(1, nodes, fanout)))
    writer.execute(volumes.update().values(size=nodes))
    for some in _batches(2, nodes):
        rows = [_peer(peer, place, nodes, fanout) for place in some]
        writer.execute(peers.insert(), rows)
        names = [member | {'name': name(place)} for place in some]
        writer.execute(members.insert(), names)


def _peer(first: Row, place: int, nodes: int, fanout: int) -> Row:
    node = name(place)
    return first | {
        'peer_id': peer_id(node),
        'member': node,
        'host': node,
        'position': place,
        'opening': _opening(place, nodes, fanout),
    }


def _opening(place: int, nodes: int, fanout: int) -> Opening:
    full = shape.children_of(place, fanout)[-1] <= nodes
    return Opening.CLOSED if full else Opening.SERVING


def _only(writer: sa.Connection, table: sa.Table) -> Row:
    return dict(writer.execute(sa.select(table)).mappings().one())


def _batches(first: int, last: int) -> Iterator[range]:
    for start in range(first, last + 1, BATCH):
        yield range(start, min(start + BATCH, last + 1))
