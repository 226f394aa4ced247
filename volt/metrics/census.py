# SPDX-License-Identifier: Apache-2.0
"""Counts nodes, volumes and peers, and reports health, for monitoring.

It reads the row of each volume and makes one descent into its tree, so the
cost does not grow with the number of peers.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata

from volt.executor import shape
from volt.liveness import lease
from volt.registry.session import Registry
from volt.registry.unit import Unit

LARGEST = 1000
"""Most volumes that are listed singly, those with the most peers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bulk:
    """The size of one tree."""

    name: str
    peers: int
    depth: int


@dataclasses.dataclass(frozen=True, slots=True)
class Census:
    """The totals of the registry, and its largest trees singly."""

    members: int
    volumes: int
    peers: int
    trees: list[Bulk]


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """The health of the registry and of eviction."""

    revision: str
    """The revision of the registry's tables."""
    evicting: bool
    """Whether some process of the cluster holds the eviction lease."""


class Monitor:
    """Reads census and health; raises ``Unavailable`` without a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def census(self) -> Census:
        """Count nodes, volumes and peers, and measure the largest trees."""

        def work(unit: Unit) -> Census:
            volumes, peers = unit.totals.volumes()
            trees = [
                Bulk(
                    volume.name,
                    volume.size,
                    shape.level_of(last, volume.fanout),
                )
                for volume, last in unit.totals.largest(LARGEST)
            ]
            return Census(unit.members.count(), volumes, peers, trees)

        return self._registry.read(work)

    def health(self) -> Health:
        """Return the registry's health, by two cheap questions."""
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
