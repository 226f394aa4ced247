# SPDX-License-Identifier: Apache-2.0
"""The measurements on one database, in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.volt import figures, targets
from bench.volt.cost import measure_cost
from bench.volt.databases import Fresh
from bench.volt.heartbeat_load import beating
from bench.volt.join_storm import JoinStorm, storm
from bench.volt.plan import Plan
from bench.volt.requests import KINDS
from bench.volt.site import Site
from bench.volt.steady_state import ALONE, CROWD, INSIDE, Sample, samples

JSON = dict[str, Any]
Say = Callable[[str], None]
WORKERS = (1, 2)


class Run:
    """Measures; ``say`` is told what comes next."""

    def __init__(
        self, plan: Plan, folder: Path, fresh: Fresh, say: Say
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._fresh = fresh
        self._say = say

    def result(self) -> JSON:
        """Run all measurements; return the result as it is written."""
        result: JSON = {"plan": dataclasses.asdict(self._plan)}
        with ExitStack() as stack:
            sites = [
                stack.enter_context(self._site(size))
                for size in self._plan.sizes
            ]
            result |= self._steady(sites)
        result["storms"] = list(map(dataclasses.asdict, self._storms()))
        return result | {"aims": targets.of(result)}

    def _steady(self, sites: Sequence[Site]) -> JSON:
        plan = self._plan
        self._say(f"{plan.rounds} rounds of requests at each size")
        measured = list(samples(plan, sites))
        sizes = {str(site.nodes): self._size(site, measured) for site in sites}
        ratios = {way: _ratios(measured, way, plan) for way in (ALONE, INSIDE)}
        self._say(f"{plan.nodes} nodes beat")
        beats = sizes[str(plan.nodes)]["requests"][ALONE]["beat"]
        (site,) = (site for site in sites if site.nodes == plan.nodes)
        watched = beating(plan, site, beats["cpu_ms"] / figures.MS)
        return {
            "sizes": sizes,
            "ratios": ratios,
            "beating": dataclasses.asdict(watched),
        }

    def _size(self, site: Site, measured: Sequence[Sample]) -> JSON:
        mine = [sample for sample in measured if sample.nodes == site.nodes]
        return {
            "requests": {
                way: figures.by_kind(
                    [sample for sample in mine if sample.way == way]
                )
                for way in (ALONE, CROWD, INSIDE)
            },
            "memory": site.memory(),
            "effort": dataclasses.asdict(measure_cost(site)),
        }

    def _storms(self) -> Iterator[JoinStorm]:
        for turn in range(self._plan.storms):
            for workers in WORKERS:
                self._say(f"storm {turn + 1}, {workers} workers")
                name = f"storm-{turn}-{workers}"
                with self._site(0, name, workers) as site:
                    yield storm(site, workers, self._plan.storm)

    def _site(self, nodes: int, name: str = "", workers: int = 1) -> Site:
        folder = self._folder / (name or str(nodes))
        if nodes:
            self._say(f"a tree of {nodes} peers")
        return Site(folder, self._fresh(folder), nodes, workers)


def _ratios(
    measured: Sequence[Sample], way: str, plan: Plan
) -> dict[str, float]:
    return {
        kind: figures.ratio(
            [s for s in measured if (s.way, s.kind) == (way, kind)],
            plan.largest,
            plan.smallest,
        )
        for kind in KINDS
    }
