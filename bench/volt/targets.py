# SPDX-License-Identifier: Apache-2.0
"""The targets of the figures; one that falls short is reported as it is."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from bench.volt.steady_state import ALONE

JSON = Mapping[str, Any]
Targets = dict[str, dict[str, object]]


def of(result: JSON) -> Targets:
    """Compare the figures with their targets."""
    plan, ratios = result["plan"], result["ratios"][ALONE]
    small, large = (str(pick(plan["sizes"])) for pick in (min, max))
    joins = result["sizes"][small]["requests"][ALONE]["join"]
    grown = f"{large} peers over {small}"
    return {
        f"CPU of a join, {grown}: <= 2": _aim(ratios["join"], 2),
        f"CPU of a beat, {grown}: <= 2": _aim(ratios["beat"], 2),
        f"p99 of a join at {small} peers: < 10 ms": _aim(joins["p99_ms"], 10),
        f"{plan['nodes']} nodes' beats, share of a core: < 0.5": _aim(
            result["beating"]["share_seen"], 0.5
        ),
        **_storms(result),
        "statements that scan a table: 0": _aim(
            sum(len(size["effort"]["scans"]) for size in _sizes(result)),
            0,
        ),
    }


def _storms(result: JSON) -> Targets:
    storms = result["storms"]
    seconds = statistics.median(storm["seconds"] for storm in storms)
    work = statistics.median(storm["cpu"] for storm in storms)
    deeper = max(storm["depth"] - storm["least_depth"] for storm in storms)
    return {
        f"{storms[0]['joins']} joins at once, the last placed: <= 1 s": _aim(
            seconds, 1
        ),
        f"{storms[0]['joins']} joins at once, volt's own work: <= 1 s": _aim(
            work, 1
        ),
        "told to ask again: 0": _aim(sum(o["no_slot"] for o in storms), 0),
        "levels below the flattest tree: 0": _aim(deeper, 0),
    }


def _sizes(result: JSON) -> list[JSON]:
    return list(result["sizes"].values())


def _aim(measured: float, most: float) -> dict[str, object]:
    return {"measured": measured, "met": measured <= most}
