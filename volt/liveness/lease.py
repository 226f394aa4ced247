# SPDX-License-Identifier: Apache-2.0
"""The eviction lease: one process of the whole cluster evicts at a time.

Every worker of every host asks for the lease at each turn; the registry gives
it to one of them for a few turns.  When that worker dies, another gets the
lease soon after.
"""

from __future__ import annotations

import logging
import uuid

from volt.liveness.eviction import Eviction
from volt.pace import Pace
from volt.registry.session import Registry

LOG = logging.getLogger(__name__)
NAME = "evict"
TURNS = 3
"""Turns for which the lease is given."""


class Lease:
    """Sweeps if this process has the eviction lease."""

    def __init__(
        self, registry: Registry, eviction: Eviction, pace: Pace
    ) -> None:
        self._registry = registry
        self._eviction = eviction
        self._pace = pace
        self._holder = str(uuid.uuid4())
        self._mine = False

    def measure(self) -> None:
        """Adapt the pace of beats to the present number of nodes."""
        self._pace.measure(self._registry.read(lambda u: u.members.count()))

    def sweep(self) -> int:
        """Sweep if the lease is here; return the number of peers evicted."""
        self.take()
        return self._eviction.sweep() if self._mine else 0

    def take(self) -> None:
        """Ask for the lease; success shows that the registry takes beats."""
        self.measure()
        mine = self._registry.write(
            lambda unit: unit.leases.take(
                NAME, self._holder, unit.now(), TURNS * self._pace.interval
            )
        )
        if mine != self._mine:
            LOG.info(
                "the eviction lease is held by %s process now",
                "this" if mine else "another",
            )
        self._mine = mine

    def give_back(self) -> None:
        """Give up the lease, so that the next process that asks gets it."""
        if self._mine:
            self._registry.write(
                lambda unit: unit.leases.drop(NAME, self._holder)
            )
            self._mine = False
