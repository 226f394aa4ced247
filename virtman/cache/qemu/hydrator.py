# SPDX-License-Identifier: Apache-2.0
"""The thread that follows one image's engine: maps what it holds, mends it."""

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

LOG = logging.getLogger(__name__)

# Seconds between two looks at a read counter in /sys.  A region served over
# NBD for that much longer is correct, only slower.
_LOOK_EVERY = 1.0


class Engine(Protocol):
    """What is followed."""

    def tend(self, ask: bool) -> str | None:
        """Mend it if it is broken; return its NBD device.

        :param ask: whether there is news of its paths.
        """

    def extents(self) -> Iterable[Extent]:
        """Return what it holds, in order."""


class Hydrator(threading.Thread):
    """Keeps a map up to date, and the engine at work, while it is needed.

    :param hydration: None where there is no dm-switch.
    :param known: what the data file was seen to hold a second before this
        thread first looks, so that who then wrote to it has done so.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        hydration: HydrationMap | None,
        known: Sequence[Extent] = (),
    ) -> None:
        super().__init__(name=f"hydrate-{name}", daemon=True)
        self._engine = engine
        self._map = hydration
        self._known = known
        self._news = threading.Event()
        self._ending = False
        self._failing = False
        self._seen: tuple[str | None, int] = (None, -1)

    def run(self) -> None:
        """Look at the engine's read counter; ask only when it has moved."""
        self._tend(True)
        begun = time.monotonic()
        while True:
            asked = self._news.wait(_LOOK_EVERY)
            self._news.clear()
            if self._ending:
                return
            device = self._tend(asked)
            if self._known and time.monotonic() - begun >= _LOOK_EVERY:
                self._update(self._known)
                self._known = ()
            if self._map is None or not self._has_read(device):
                continue
            if self._map.complete:
                LOG.info("%s: the whole image is on this node", self.name)
                return

    def look(self) -> None:
        """Have the engine looked at now; returns at once."""
        self._news.set()

    def _tend(self, ask: bool) -> str | None:
        try:
            return self._engine.tend(ask)
        except Exception:
            # A fault of ours; without this thread nothing is mended.
            LOG.exception("%s: the engine is not looked after", self.name)
            return None

    def _has_read(self, device: str | None) -> bool:
        """Map what was read since the last time; tell whether any was."""
        now = (device, sysfs.reads_completed(device) if device else 0)
        if self._ending or now == self._seen or not self._update():
            return False
        self._seen = now
        return True

    def _update(self, extents: Iterable[Extent] | None = None) -> bool:
        """Bring the map up to date; return whether it is.

        Any failure is tried again and said once: a map that is behind is
        correct, only slower.
        """
        try:
            if self._map is not None:
                found = self._engine.extents() if extents is None else extents
                self._map.update(found)
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
        """How many regions are local, and how many there are."""
        if self._map is None:
            return 0, 0
        return self._map.hydrated, self._map.regions

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._ending = True
        self._news.set()
        if self.is_alive():
            self.join()
