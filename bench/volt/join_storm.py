# SPDX-License-Identifier: Apache-2.0
"""Many nodes join an empty tree at the same moment."""

from __future__ import annotations

import dataclasses
import json

from bench.volt import requests
from bench.volt.checks import check, right
from bench.volt.requests import name
from bench.volt.site import Site
from volt.executor import shape

FANOUT = 2
"""The default."""


@dataclasses.dataclass(frozen=True, slots=True)
class JoinStorm:
    """The results of a storm; times in seconds."""

    workers: int
    joins: int
    seconds: float
    """From the first connection to the last answer."""
    cpu: float
    client_cpu: float
    no_slot: int
    """Answers that told a node to ask again."""
    depth: int
    least_depth: int
    """The depth of the flattest tree of so many nodes."""


def storm(site: Site, workers: int, joins: int) -> JoinStorm:
    """Let the nodes join; raise ``NotRight`` unless the tree is right."""
    wanted = [requests.join(name(number + 1)) for number in range(joins)]
    burst = right(site.client.at_once(wanted))
    placed = [json.loads(reply.body)["peer_id"] for reply in burst.replies]
    no_slot = placed.count(None)
    return JoinStorm(
        workers=workers,
        joins=joins,
        seconds=round(burst.seconds, 3),
        cpu=round(burst.cpu, 3),
        client_cpu=round(burst.client_cpu, 3),
        no_slot=no_slot,
        depth=check(site.inside(), joins - no_slot),
        least_depth=shape.level_of(joins, FANOUT),
    )
