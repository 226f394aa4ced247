# SPDX-License-Identifier: Apache-2.0
"""Trees that keep their size: nodes leave, come back, register and beat.

Every size in every round, and each way to reach it in every round, so that
what disturbs one disturbs all.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from bench.volt.checks import right
from bench.volt.meter import Burst
from bench.volt.plan import Plan
from bench.volt.requests import DAY, Ask, name
from bench.volt.site import Site

ALONE, CROWD, INSIDE = "one connection", "connections", "in process"


class Target(Protocol):
    """The receiver of requests."""

    def ask(self, asks: Sequence[Ask], connections: int) -> Burst:
        """Send requests and wait for their answers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One block of requests of one kind."""

    nodes: int
    way: str
    turn: int
    kind: str
    burst: Burst


def samples(plan: Plan, sites: Sequence[Site]) -> Iterator[Sample]:
    """Measure block after block, round after round."""
    insides = [site.inside() for site in sites]
    for turn in range(plan.rounds):
        for site, inside in zip(sites, insides, strict=True):
            ways: list[tuple[str, Target, int]] = [
                (ALONE, site.client, 1),
                (CROWD, site.client, plan.crowd),
                (INSIDE, inside, 1),
            ]
            for way, target, connections in ways:
                for burst in _day(target, connections, plan, site.nodes, turn):
                    kind = burst.replies[0].ask.kind
                    yield Sample(site.nodes, way, turn, kind, burst)


def _day(
    target: Target, connections: int, plan: Plan, nodes: int, turn: int
) -> Iterator[Burst]:
    """Send all kinds of requests of some nodes, chosen anew each round."""
    chosen = random.Random(turn).sample(range(1, nodes + 1), plan.block)  # noqa: S311
    for make in DAY:
        asks = [make(name(number)) for number in chosen]
        yield right(target.ask(asks, connections))
