# SPDX-License-Identifier: Apache-2.0
"""Checks that volt's answers are right, before their speed counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.volt import requests
from bench.volt.in_process import InProcess
from bench.volt.meter import Burst
from volt.executor import shape


class NotRight(Exception):
    """An answer of volt is wrong, so the figures are worth nothing."""


def check(volt: InProcess, nodes: int) -> int:
    """Read the tree through the API; return its depth."""
    seen: list[Mapping[str, Any]] = []
    while len(seen) < nodes:
        after = seen[-1]["position"] if seen else 0
        (reply,) = right(volt.ask([requests.page(after)])).replies
        page: Any = reply.answer
        seen += page["peers"]
        if not page["peers"] or page["count"] != nodes:
            raise NotRight(f"{len(seen)} peers of {nodes}: {page['count']}")
    places = {peer["position"]: peer["peer_id"] for peer in seen}
    for peer in seen:
        above = shape.parent_of(peer["position"], page["fanout"])
        if len(places) != nodes or peer["parent"] != places.get(above):
            raise NotRight(f"{peer} does not stand right")
    return int(page["depth"])


def right(burst: Burst) -> Burst:
    """Return a burst; raise ``NotRight`` unless every answer is a success."""
    for reply in burst.replies:
        if reply.status != 200:
            raise NotRight(f"{reply.ask}: {reply.status} {reply.body!r}")
    return burst
