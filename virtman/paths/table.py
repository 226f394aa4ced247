# SPDX-License-Identifier: Apache-2.0
"""The paths that are under the multipath device, and how others get there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from virtman.exception import CommandError, VirtmanError
from virtman.path import Path
from virtman.paths.interfaces import Device

LOG = logging.getLogger(__name__)

# Seconds without another swap after one that reads held up until its
# deadline: each try stalls all readers of the device.
_HELD_UP = 30.0


class Table:
    """The paths under the device; ``changed`` is notified of each change.

    Paths may be up before the device stands; they wait for it.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._device: Device | None = None
        self._not_before = 0.0
        self.applied: tuple[Path, ...] = ()

    @property
    def behind(self) -> bool:
        """Whether a swap has to be tried again."""
        return self._not_before > 0.0

    def stand_under(self, device: Device) -> None:
        """Put paths under a device that was just made, from now on."""
        with self._changed:
            self._device, self.applied = device, ()

    def put(self, best: Sequence[Path]) -> None:
        """Put these paths under the device, best first.

        :raises CommandError: the device keeps the paths that it had.
        """
        if self._device is None or time.monotonic() < self._not_before:
            return
        try:
            done = self._device.update(best)
        except CommandError as error:
            if error.code is None:
                self._not_before = time.monotonic() + _HELD_UP
            raise
        self.leave()
        if done is not None:
            with self._changed:
                self.applied = tuple(best)
                self._changed.notify_all()

    def leave(self) -> None:
        """Note that the paths under the device are the right ones."""
        self._not_before = 0.0

    def failed(self, paths: Sequence[Path]) -> list[Path]:
        """Return the paths that the kernel does not use any more."""
        return self._device.failed(paths) if self._device else []

    def fail(self, path: Path) -> None:
        """Keep reads off a path until it is taken back."""
        # A read of this path may be what held up a swap; try that again now.
        self._not_before = 0.0
        try:
            if self._device is not None:
                self._device.fail(path)
        except VirtmanError as error:
            # The kernel finds out by itself, at the next read.
            LOG.debug("%s: %s", path.source, error)

    def take_back(self, path: Path) -> None:
        """Let reads go through a path again."""
        if self._device is not None:
            self._device.take_back(path)

    @property
    def stands(self) -> bool:
        """Whether there is a device."""
        return self._device is not None

    def wait(self) -> bool:
        """Let reads wait while no path lives; return whether they failed."""
        return self._device.open() if self._device else False

    def give_up(self) -> bool:
        """Let reads fail while no path lives; return whether they waited."""
        return self._device.give_up() if self._device else False

    def forget(self, path: Path) -> None:
        """Take a path off the list: its session ends."""
        with self._changed:
            self.applied = tuple(p for p in self.applied if p != path)
