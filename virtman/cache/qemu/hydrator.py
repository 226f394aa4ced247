# SPDX-License-Identifier: Apache-2.0
"""The thread of one image's engine: updates its map and has it repaired."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from virtman import sysfs
from virtman.cache.qemu.hydration_map import HydrationMap
from virtman.drivers.nbd import Extent
from virtman.exception import VirtmanError
from virtman.worker import Worker

LOG = logging.getLogger(__name__)

# Seconds between two looks at a read counter in /sys.  A region that is
# served over NBD for so much longer is correct, only slower.
_LOOK_EVERY = 1.0


class Engine(Protocol):
    """The engine of one image, as the hydrator sees it."""

    def tend(self, ask: bool) -> str | None:
        """Repair the engine if it is broken; return its NBD device.

        :param ask: whether the kernel told of a change of its paths.
        """

    def extents(self) -> Iterable[Extent]:
        """Return the extents of the engine's cache, in order."""


class Hydrator(Worker):
    """Keeps an image's map up to date and its engine at work, until stopped.

    :param hydration: the map, None on a kernel without dm-switch.
    :param extents_before: those of the data file when this thread was made.
        They are mapped a second later: a write that was on its way then has
        ended by that time.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        hydration: HydrationMap | None,
        extents_before: Sequence[Extent] = (),
    ) -> None:
        self._requested = threading.Event()
        super().__init__(f"hydrate-{name}", self._wait_and_look, self.look)
        self._engine = engine
        self._map = hydration
        self._extents_before = extents_before
        self._failing = False
        self._begun = 0.0
        self._seen: tuple[str | None, int] = (None, -1)

    def run(self) -> None:
        """Update the map each time the engine's read counter has moved."""
        self._tend(True)
        self._begun = time.monotonic()
        super().run()

    def _wait_and_look(self) -> None:
        """Look after the engine and its map once, when asked or in time."""
        asked = self._requested.wait(_LOOK_EVERY)
        self._requested.clear()
        if self.ending.is_set():
            return
        device = self._tend(asked)
        if (
            self._extents_before
            and time.monotonic() - self._begun >= _LOOK_EVERY
        ):
            self._update(self._extents_before)
            self._extents_before = ()
        if self._map is None or not self._has_read(device):
            return
        if self._map.complete:
            LOG.info("%s: the whole image is on this node", self.name)
            self.ending.set()

    def look(self) -> None:
        """Have the engine checked now; returns at once."""
        self._requested.set()

    def _tend(self, ask: bool) -> str | None:
        try:
            return self._engine.tend(ask)
        except Exception:
            # A fault in this program.  The thread goes on: without it the
            # engine is never repaired.
            LOG.exception("%s: the engine could not be checked", self.name)
            return None

    def _has_read(self, device: str | None) -> bool:
        """Map the regions that were read since the last call.

        :returns: whether there were any, and the map has them.
        """
        now = (device, sysfs.reads_completed(device) if device else 0)
        if self.ending.is_set() or now == self._seen or not self._update():
            return False
        self._seen = now
        return True

    def _update(self, extents: Iterable[Extent] | None = None) -> bool:
        """Bring the map up to date; return whether that succeeded.

        A failure is tried again and logged once: with a map that is behind,
        reads are correct, only slower.
        """
        try:
            if self._map is not None:
                if extents is None:
                    extents = self._engine.extents()
                self._map.update(extents)
        except Exception as error:
            if not self._failing:
                ours = not isinstance(error, VirtmanError)
                LOG.warning(
                    "%s: hydration map not updated: %s",
                    self.name, error, exc_info=ours,
                )  # fmt: skip
            self._failing = True
            return False
        self._failing = False
        return True

    @property
    def progress(self) -> tuple[int, int]:
        """The number of hydrated regions, and of all regions."""
        if self._map is None:
            return 0, 0
        return self._map.hydrated, self._map.regions
