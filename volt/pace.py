# SPDX-License-Identifier: Apache-2.0
"""How often nodes beat, and for how long one may be silent.

A beat costs the coordinator about the same whoever sends it, so the time
between two beats of a node grows with the number of nodes: all of them
together never send more than ``beats_per_second``.  What cannot wait for the
next beat (a parent that fails) is sent at once by the node that sees it.
"""

import dataclasses


@dataclasses.dataclass(slots=True)
class Pace:
    """Times in seconds; one object for a process, measured now and then."""

    interval: float = 5.0
    """Least time between two beats of a node."""
    missed: int = 3
    """Beats that a node may miss."""
    beats_per_second: float = 250.0
    """Most beats of all nodes together."""
    old_interval: float = 20.0
    """Time between two beats of clients that cannot be told another."""
    beat_after: float = 0.0
    """Time after which a node that beats now is to beat again."""

    def __post_init__(self) -> None:
        """Begin as an empty cluster does."""
        self.measure(0)

    def measure(self, members: int) -> None:
        """Suit the time between beats to so many nodes."""
        self.beat_after = max(self.interval, members / self.beats_per_second)

    @property
    def silence(self) -> float:
        """Time without a beat after which an agent is evicted."""
        return self.beat_after * self.missed

    def allowance(self, agent: bool) -> float:
        """Return how long a node just heard of may be silent now.

        Old clients beat as often as they were built to (20 s in the
        original), whatever suits us.
        """
        if agent:
            return self.silence
        return max(self.silence, self.old_interval * self.missed)
