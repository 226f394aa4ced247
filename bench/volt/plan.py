# SPDX-License-Identifier: Apache-2.0
"""The amount to measure: the whole, or a little of everything."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Sizes are numbers of peers in one tree."""

    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    rounds: int = 10
    block: int = 100
    """Requests of one kind that are sent in a row."""
    crowd: int = 8
    """Connections, for the rates."""
    storm: int = 1_000
    """Nodes that join at once."""
    storms: int = 3
    """How often they do, for each number of workers."""
    nodes: int = 10_000
    """Nodes that beat; one of the sizes."""
    beating: float = 20.0
    """Seconds for which they are watched."""

    def fewer(self) -> Plan:
        """Return what suffices for a database that is slower."""
        return dataclasses.replace(
            self, rounds=math.ceil(self.rounds / 2), storms=1
        )

    @property
    def smallest(self) -> int:
        """The size that others are compared with."""
        return min(self.sizes)

    @property
    def largest(self) -> int:
        """The size that is compared."""
        return max(self.sizes)


FULL = Plan()
QUICK = Plan(
    sizes=(20, 100),
    rounds=2,
    block=5,
    crowd=3,
    storm=20,
    storms=1,
    nodes=100,
    beating=1.0,
)
