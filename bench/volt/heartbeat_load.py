# SPDX-License-Identifier: Apache-2.0
"""Measures a whole cluster's beats, at the interval that volt sets.

What one core has to do for that is told twice: from the CPU time of one
beat, and as the kernel saw it while nodes beat at that pace, each over a
connection of its own that stays open.
"""

from __future__ import annotations

import dataclasses
import resource

from bench.volt import requests
from bench.volt.checks import right
from bench.volt.figures import MS, percentile
from bench.volt.plan import Plan
from bench.volt.requests import name
from bench.volt.site import Site

SPARE = 200
"""Files that both processes need besides the connections."""


@dataclasses.dataclass(frozen=True, slots=True)
class HeartbeatLoad:
    """Times in seconds; shares of one core."""

    nodes: int
    beat_after: float
    """The time between two beats of a node that volt chose."""
    beats_per_second: float
    cpu_per_beat: float
    share_computed: float
    """CPU of a beat x beats per second."""
    seconds: float
    connections: int
    share_seen: float
    """CPU that volt used / time that passed, while they beat."""
    p99_ms: float


def beating(plan: Plan, site: Site, cpu_per_beat: float) -> HeartbeatLoad:
    """Let the nodes of a site beat for a while."""
    beat_after = _beat_after(site)
    rate = site.nodes / beat_after
    wanted = [
        requests.beat(name(number % site.nodes + 1))
        for number in range(round(rate * plan.beating))
    ]
    connections = min(site.nodes, _files() - SPARE)
    burst = right(site.client.paced(wanted, rate, connections))
    times = [reply.seconds for reply in burst.replies]
    return HeartbeatLoad(
        nodes=site.nodes,
        beat_after=beat_after,
        beats_per_second=round(rate, 2),
        cpu_per_beat=cpu_per_beat,
        share_computed=round(cpu_per_beat * rate, 3),
        seconds=round(burst.seconds, 2),
        connections=connections,
        share_seen=round(burst.cpu / burst.seconds, 3),
        p99_ms=round(percentile(times, 0.99) * MS, 2),
    )


def _beat_after(site: Site) -> float:
    """Return the interval that volt sets now; it counts the nodes at times."""
    burst = right(site.client.ask([requests.beat(name(1))], 1))
    seconds = burst.replies[0].answer["beat_after"]
    assert isinstance(seconds, int | float)  # noqa: S101
    return float(seconds)


def _files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
