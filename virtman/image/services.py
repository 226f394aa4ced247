# SPDX-License-Identifier: Apache-2.0
"""The services that every image of a node is built with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from virtman.cache.engine import CacheEngine
from virtman.conf import Settings
from virtman.coordinator.beat_schedule import BeatSchedule
from virtman.coordinator.protocol import Coordinator
from virtman.instance.snapshot import Snapshots
from virtman.paths.interfaces import Sessions
from virtman.state.intents import Intents


@dataclass(frozen=True)
class Services:
    """The parts of a node that its images share."""

    settings: Settings
    engine: CacheEngine
    sessions: Sessions
    coordinator: Coordinator
    beat_schedule: BeatSchedule
    intents: Intents

    @cached_property
    def snapshots(self) -> Snapshots:
        """The disks of instances; it has no state of its own."""
        return Snapshots(self.settings, self.sessions)
