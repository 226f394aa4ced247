# SPDX-License-Identifier: Apache-2.0
"""Makes a tree of many peers quickly: volt makes one, the rest are copies.

The first node joins and registers as nodes do.  What volt wrote about it,
whatever that is, is then written again under other names at the other
positions, in bulk.  That the result is a right tree is read back through
the API.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from bench.volt import requests
from bench.volt.checks import check, right
from bench.volt.in_process import InProcess
from bench.volt.requests import Ask, name, peer_id
from volt.executor import shape
from volt.model import Opening
from volt.registry import engine
from volt.registry.dialects.dialect import Mode
from volt.registry.models import members, metadata, peers, volumes

BATCH = 10_000
OTHERS = 30
"""Trees of one peer: no table has one row only."""
ANALYZE = {
    "postgresql": "ANALYZE",
    "mysql": f"ANALYZE TABLE {', '.join(metadata.tables)}",
}
"""In time these notice by themselves how large a table is."""
Row = dict[str, Any]


def fill(volt: InProcess, url: str, nodes: int) -> None:
    """Fill an empty registry with a tree of so many nodes that serve."""
    first = name(1)
    right(
        volt.ask([make(first) for make in (requests.join, requests.register)])
    )
    right(volt.ask([requests.image()]))
    opened = engine.connect(url)
    with engine.transaction(opened, Mode.WRITE) as writer:
        _copy(writer, nodes)
    right(volt.ask(_others()))
    with opened.begin() as writer:
        if opened.dialect.name in ANALYZE:
            writer.exec_driver_sql(ANALYZE[opened.dialect.name])
    opened.dispose()
    check(volt, nodes)


def _others() -> list[Ask]:
    names = [f"other{number}" for number in range(OTHERS)]
    return [
        make
        for name in names
        for make in (
            requests.image(name),
            requests.join(name, name),
            requests.register(name, name),
        )
    ]


def _copy(writer: sa.Connection, nodes: int) -> None:
    peer = _only(writer, peers)
    member = _only(writer, members)
    fanout = _only(writer, volumes)["fanout"]
    del peer["key"]
    writer.execute(peers.update().values(opening=_opening(1, nodes, fanout)))
    writer.execute(volumes.update().values(size=nodes))
    for some in _batches(2, nodes):
        rows = [_peer(peer, place, nodes, fanout) for place in some]
        writer.execute(peers.insert(), rows)
        names = [member | {"name": name(place)} for place in some]
        writer.execute(members.insert(), names)


def _peer(first: Row, place: int, nodes: int, fanout: int) -> Row:
    node = name(place)
    return first | {
        "peer_id": peer_id(node),
        "member": node,
        "host": node,
        "position": place,
        "opening": _opening(place, nodes, fanout),
    }


def _opening(place: int, nodes: int, fanout: int) -> Opening:
    full = shape.children_of(place, fanout)[-1] <= nodes
    return Opening.CLOSED if full else Opening.SERVING


def _only(writer: sa.Connection, table: sa.Table) -> Row:
    return dict(writer.execute(sa.select(table)).mappings().one())


def _batches(first: int, last: int) -> Iterator[range]:
    for start in range(first, last + 1, BATCH):
        yield range(start, min(start + BATCH, last + 1))
