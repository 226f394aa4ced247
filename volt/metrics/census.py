# SPDX-License-Identifier: Apache-2.0
"""How much there is, and whether the service is well: for monitoring.

Read from the row of each volume and by one descent into its tree, so the
cost does not grow with the number of peers.
"""

import dataclasses
import functools
import importlib.metadata

from volt.executor import shape
from volt.liveness import lease
from volt.registry.session import Registry
from volt.registry.unit import Unit

LARGEST = 1000
"""Volumes that are told one by one, those with the most peers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bulk:
    """The size of one tree."""

    name: str
    peers: int
    depth: int


@dataclasses.dataclass(frozen=True, slots=True)
class Census:
    """Totals, and the largest trees one by one."""

    members: int
    volumes: int
    peers: int
    trees: list[Bulk]


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """What the registry says when it is asked whether it is there."""

    revision: str
    """Of its tables."""
    evicting: bool
    """Whether some process of the cluster has the duty of evicting."""


class Monitor:
    """Looks at the registry; raises ``Unavailable`` if it is away."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def census(self) -> Census:
        """Count what there is."""

        def work(unit: Unit) -> Census:
            volumes, peers = unit.totals.volumes()
            trees = [
                Bulk(one.name, one.size, shape.level_of(last, one.fanout))
                for one, last in unit.totals.largest(LARGEST)
            ]
            return Census(unit.members.count(), volumes, peers, trees)

        return self._registry.read(work)

    def health(self) -> Health:
        """Ask the cheapest questions there are."""
        return self._registry.read(
            lambda unit: Health(
                unit.totals.revision(),
                unit.leases.is_held(lease.NAME, unit.now()),
            )
        )


@functools.cache
def version() -> str:
    """Return the version of volt, as it was installed."""
    try:
        return importlib.metadata.version("vmthunder")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
