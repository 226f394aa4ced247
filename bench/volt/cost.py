# SPDX-License-Identifier: Apache-2.0
"""The statements and rows of one request, at each size of the tree."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable

from bench.volt import statements
from bench.volt.checks import right
from bench.volt.in_process import InProcess
from bench.volt.requests import DAY, KINDS, name
from bench.volt.site import Site

NODES = 5
"""How many nodes' days are looked at, spread over the tree."""
Count = dict[str, list[int]]
"""Numbers by the kind of request."""


@dataclasses.dataclass(frozen=True, slots=True)
class RequestCost:
    """Medians, by the kind of request."""

    statements: dict[str, int]
    steps: dict[str, int]
    """Of SQLite's virtual machine; empty for other databases."""
    scans: list[str]
    """Statements that read a whole table, with their plans; none, it is
    hoped."""


def measure_cost(site: Site) -> RequestCost:
    """Look at the statements of one day of some nodes."""
    inside = site.inside()
    with statements.noted() as noted:
        run = _days(inside, site.nodes, lambda: len(noted))
    scans = {
        f"{statement.text}: {statement.plan}"
        for statement in noted
        if statement.scans
    }
    steps: Count = {}
    if site.url.startswith("sqlite"):
        with statements.steps() as count:
            steps = _days(inside, site.nodes, lambda: count[0])
    return RequestCost(_medians(run), _medians(steps), sorted(scans))


def _days(inside: InProcess, nodes: int, read: Callable[[], int]) -> Count:
    """Return by how much a number grows with each request."""
    grown: Count = {kind: [] for kind in KINDS}
    for number in range(1, nodes + 1, max(1, nodes // NODES)):
        for make in DAY:
            before, ask = read(), make(name(number))
            right(inside.ask([ask]))
            grown[ask.kind].append(read() - before)
    return grown


def _medians(count: Count) -> dict[str, int]:
    return {kind: round(statistics.median(count[kind])) for kind in count}
