# SPDX-License-Identifier: Apache-2.0
"""The pace of beats, and the longest silence of a node.

Every beat costs the coordinator about the same, so the time between two beats
of a node grows with the number of nodes: all nodes together never send more
than ``beats_per_second``.  News that cannot wait for the next beat (a parent
that fails) are sent at once by the node that sees them.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(slots=True)
class Pace:
    """The times of beats, in seconds; one object for a process."""

    interval: float = 5.0
    """Least time between two beats of a node."""
    missed: int = 3
    """Beats that a node may miss."""
    beats_per_second: float = 250.0
    """Most beats of all nodes together."""
    old_interval: float = 20.0
    """Time between two beats of old clients, which have a fixed interval."""
    beat_after: float = 0.0
    """Time after which a node that beats now is to beat again."""

    def __post_init__(self) -> None:
        """Set the times for an empty cluster."""
        self.measure(0)

    def measure(self, members: int) -> None:
        """Set the time between beats for a number of nodes."""
        self.beat_after = max(self.interval, members / self.beats_per_second)

    @property
    def silence(self) -> float:
        """Time without a beat after which an agent is evicted."""
        return self.beat_after * self.missed

    def allowance(self, agent: bool) -> float:
        """Return how long a node just heard of may be silent now.

        Old clients beat at a fixed interval (20 s in the original), which
        volt cannot change.
        """
        if agent:
            return self.silence
        return max(self.silence, self.old_interval * self.missed)
