# SPDX-License-Identifier: Apache-2.0
"""Measures requests: time, volt's CPU and the client's.

The client runs in this process, so its CPU time is this process's own.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from bench.volt.requests import Reply

CPU = Callable[[], float]
"""Returns the CPU seconds that volt has used so far."""


@dataclasses.dataclass(frozen=True, slots=True)
class Burst:
    """Some requests, answered, and what all of them took, in seconds."""

    replies: list[Reply]
    seconds: float
    cpu: float
    client_cpu: float

    def each(self, seconds: float) -> float:
        """Return the share of one request."""
        return seconds / len(self.replies)


class Meter:
    """Runs from its making on."""

    def __init__(self, cpu: CPU) -> None:
        self._cpu = cpu
        self._began = self._read()

    def stop(self, replies: list[Reply]) -> Burst:
        """Return the time and CPU used for these answers."""
        spent = zip(self._began, self._read(), strict=True)
        return Burst(replies, *(after - before for before, after in spent))

    def _read(self) -> tuple[float, float, float]:
        return time.perf_counter(), self._cpu(), time.process_time()
