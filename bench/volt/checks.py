# SPDX-License-Identifier: Apache-2.0
"""Checks that volt's answers are right, before their speed counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.volt import requests
from bench.volt.in_process import Inside
from bench.volt.meter import Burst
from volt.executor import shape


class NotRight(Exception):
    """An answer of volt is wrong, so the figures are worth nothing."""


def check(volt: Inside, nodes: int) -> int:
    """Read the tree through the API; return its depth."""
    seen: list[Mapping[str, Any]] = []
    while len(seen) < nodes:
        after = seen[-1]["position"] if seen else 0
        (reply,) = right(volt.ask([requests.page(after)])).replies
        told: Any = reply.told
        seen += told["peers"]
        if not told["peers"] or told["count"] != nodes:
            raise NotRight(f"{len(seen)} peers of {nodes}: {told['count']}")
    places = {one["position"]: one["peer_id"] for one in seen}
    for one in seen:
        above = shape.parent_of(one["position"], told["fanout"])
        if len(places) != nodes or one["parent"] != places.get(above):
            raise NotRight(f"{one} does not stand right")
    return int(told["depth"])


def right(burst: Burst) -> Burst:
    """Return a burst; raise ``NotRight`` unless every answer is a success."""
    for reply in burst.replies:
        if reply.status != 200:
            raise NotRight(f"{reply.ask}: {reply.status} {reply.body!r}")
    return burst
