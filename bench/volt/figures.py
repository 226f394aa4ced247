# SPDX-License-Identifier: Apache-2.0
"""Computes figures from samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from bench.volt.requests import KINDS
from bench.volt.steady_state import Sample

Figures = dict[str, float]
MS = 1000.0


def percentile(values: Iterable[float], share: float) -> float:
    """Return the least value that so many of them do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


def by_kind(samples: Sequence[Sample]) -> dict[str, Figures]:
    """Return the figures of each kind of request."""
    return {
        kind: of([sample for sample in samples if sample.kind == kind])
        for kind in KINDS
    }


def of(samples: Sequence[Sample]) -> Figures:
    """Return the figures of blocks of the same kind.

    The percentiles are those of all requests; rates and CPU times are the
    median of the blocks, so that a disturbed one does not count.
    """
    bursts = [sample.burst for sample in samples]
    times = [reply.seconds for burst in bursts for reply in burst.replies]
    rates = [len(burst.replies) / burst.seconds for burst in bursts]
    cpu = [burst.each(burst.cpu) for burst in bursts]
    figures = {
        "p50_ms": percentile(times, 0.50) * MS,
        "p99_ms": percentile(times, 0.99) * MS,
        "per_second": statistics.median(rates),
        "cpu_ms": statistics.median(cpu) * MS,
        "least_cpu_ms": min(cpu) * MS,
    }
    return {key: round(value, 4) for key, value in figures.items()}


def ratio(samples: Sequence[Sample], large: int, small: int) -> float:
    """Return the CPU time of one request in a large tree over a small one.

    Each round has a ratio of its own; theirs is the median.
    """

    def cpu(turn: int, nodes: int) -> float:
        return statistics.median(
            sample.burst.each(sample.burst.cpu)
            for sample in samples
            if (sample.turn, sample.nodes) == (turn, nodes)
        )

    turns = {sample.turn for sample in samples}
    ratios = [cpu(turn, large) / cpu(turn, small) for turn in turns]
    return round(statistics.median(ratios), 3)
