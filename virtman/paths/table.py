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

# Seconds after a swap that reads held up until its deadline: a try holds up
# all of the device's readers, so it is not made again soon.
_HELD_UP = 30.0


class Table:
    """What the device reads through; ``changed`` is told of each change.

    There may be paths before there is a device; they wait for it.
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
        """Put paths under this device from now on: it was just made."""
        with self._changed:
            self._device, self.applied = device, ()

    def put(self, best: Sequence[Path]) -> None:
        """Put these paths under the device, best first.

        :raises CommandError: it still has those that it had.
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
        """Note that what is there is right."""
        self._not_before = 0.0

    def failed(self, paths: Sequence[Path]) -> list[Path]:
        """Return those that the kernel does not use any more."""
        return self._device.failed(paths) if self._device else []

    def fail(self, path: Path) -> None:
        """Keep reads off a path until it is taken back."""
        # What held up a swap was perhaps a read of this very path.
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
        """Note that a path's session ends."""
        with self._changed:
            self.applied = tuple(p for p in self.applied if p != path)
