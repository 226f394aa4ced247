# SPDX-License-Identifier: Apache-2.0
"""Evicting is the duty of one process of the whole cluster.

Every worker of every host asks for it at each turn; the registry gives it to
one of them for a few turns.  When that one dies another has it soon after.
"""

import logging
import uuid

from volt.liveness.eviction import Eviction
from volt.pace import Pace
from volt.registry.session import Registry

LOG = logging.getLogger(__name__)
NAME = "evict"
TURNS = 3
"""For how many turns the duty is given."""


class Duty:
    """Sweeps if it is this process that has to."""

    def __init__(
        self, registry: Registry, eviction: Eviction, pace: Pace
    ) -> None:
        self._registry = registry
        self._eviction = eviction
        self._pace = pace
        self._holder = str(uuid.uuid4())
        self._mine = False

    def measure(self) -> None:
        """Suit the pace of beats to the number of nodes there are now."""
        self._pace.measure(self._registry.read(lambda u: u.members.count()))

    def sweep(self) -> int:
        """Return the number of peers evicted, by this process."""
        self.take()
        return self._eviction.sweep() if self._mine else 0

    def take(self) -> None:
        """Ask for the duty: as long as that works, beats are taken, too."""
        self.measure()
        mine = self._registry.write(
            lambda unit: unit.leases.take(
                NAME, self._holder, unit.now(), TURNS * self._pace.interval
            )
        )
        if mine != self._mine:
            LOG.info("evicting is %s", "ours now" if mine else "another's now")
        self._mine = mine

    def give_back(self) -> None:
        """Leave the duty to whoever asks next."""
        if self._mine:
            self._registry.write(
                lambda unit: unit.leases.drop(NAME, self._holder)
            )
            self._mine = False
