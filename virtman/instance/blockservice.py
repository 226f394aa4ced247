# SPDX-License-Identifier: Apache-2.0
"""Copy-on-write stores: where an instance's writes go.

The default is a sparse file of the agent's own,
``<snapshot_dir>/<instance>.cow``, large enough that it cannot overflow.  The
other choice is a block device that the caller names.  A free loop device
stands, as in the original, for the pre-made file ``snap<N>.blk`` (or
``snapshot<N>.blk``, the name the tutorial's set-up script gives) in
``snapshot_dir``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from virtman import privsep, sysfs
from virtman.conf.stores import StoreSettings
from virtman.drivers import loop
from virtman.exception import (
    InUse,
    NotFound,
    VirtmanError,
)
from virtman.instance import given_device
from virtman.instance.cow_file import (
    SNAPSHOT_MAGIC,
    has_writes,
    store_sectors,
    stretch,
)
from virtman.state import files

_LOOP = "/dev/loop"


@dataclass(frozen=True)
class CowDevice:
    """A block device that takes an instance's writes.

    ``file`` is behind ``device`` when that is a loop device of the agent; it
    is removed with the instance only when the agent made it (``own``).
    """

    device: str
    file: Path | None = None
    own: bool = False


class BlockService:
    """Makes, opens, closes and purges the stores of one node."""

    def __init__(self, settings: StoreSettings) -> None:
        self._folder = settings.snapshot_dir
        self._chunk = settings.snapshot_chunk
        self._least = settings.snapshot_min_mib << 20

    def plan(self, instance: str, device: str | None) -> Path | None:
        """Return the file that an instance's writes would go to.

        :param device: the caller's block device, None for the agent's file.
        :returns: None if they go to the device itself.
        """
        if device is None:
            return self._own_file(instance)
        return self._premade_file(device) if _is_free_loop(device) else None

    def open(
        self, instance: str, origin_sectors: int, device: str | None
    ) -> CowDevice:
        """Return a store that is ready to take a new instance's writes.

        :param device: the caller's block device, None for the agent's file.
        :raises InvalidRequest: no such device, or too small.
        :raises InUse: the device is held.
        """
        if device is None:
            return self._own(instance, origin_sectors)
        file = self.plan(instance, device)
        if file is not None:
            return self._premade(device, file, origin_sectors)
        given_device.require_usable(device, self._least)
        return CowDevice(device)

    def reopen(
        self,
        instance: str,
        device: str | None,
        file: Path | None,
        blank: bool = False,
    ) -> CowDevice:
        """Return the store that has an instance's earlier writes.

        :param blank: nothing may have been written on ``device`` yet.
        :raises NotFound: the store is not there, or has no writes.
        :raises InUse: the store is held by another program.
        """
        if file is None:
            given_device.require_writes(instance, device or "", blank)
            return CowDevice(device or "")
        if not file.exists():
            raise NotFound(
                f"{file}, which had the writes of {instance}, is gone; put "
                "it back, or destroy the instance"
            )
        attached = loop.devices_of(file)
        if attached:
            return CowDevice(attached[0], file, own=device is None)
        free = device if device and _is_free_loop(device) else None
        return CowDevice(
            loop.attach(file, device=free), file, own=device is None
        )

    def discard(
        self, instance: str, device: str | None, file: Path | None
    ) -> None:
        """Detach a store's file from every loop device; remove an own file."""
        self.release(file)
        if file is not None and device is None:
            self._own_file(instance).unlink(missing_ok=True)

    def release(self, file: Path | None) -> None:
        """Detach a store's file from every loop device; the data stays."""
        for device in loop.devices_of(file) if file else ():
            loop.detach(device)

    def check(
        self, instance: str, device: str | None, discard: bool = True
    ) -> None:
        """Refuse a store that :meth:`open` would refuse; change nothing.

        :param discard: whether the writes on ``device`` may be lost; those
            in a file of the agent never are.
        :raises InvalidRequest: no such device, or too small.
        :raises InUse: the device is held, or its writes must stay.
        """
        if device is None:
            self._check_own(self._own_file(instance))
            return
        if not _is_free_loop(device):
            given_device.require_usable(device, self._least)
        if not discard and self._has_writes(device, self.plan("", device)):
            raise InUse(
                f"{device} holds what a snapshot has written; say whether it "
                "is to be kept (keep = true) or lost (keep = false)"
            )

    def require_writes(
        self, instance: str, device: str | None, file: Path | None
    ) -> None:
        """Refuse a store that has no writes to keep; change nothing.

        :raises NotFound: the store is not there, or has no writes.
        :raises InvalidRequest: the device cannot be used.
        :raises InUse: the store is held.
        """
        if file is None and device is not None:
            given_device.require_usable(device, self._least)
        elif file is not None and loop.devices_of(file):
            raise InUse(f"{file} is attached to a loop device already")
        if not self._has_writes(device or "", file):
            raise NotFound(
                f"the writes of {instance} are to be kept, and "
                f"{file or device} has none; bring them to this node, or "
                "create the instance anew (keep = false)"
            )

    def _has_writes(self, device: str, file: Path | None) -> bool:
        """Tell whether a store has the header of a snapshot."""
        if file is not None:
            return has_writes(file)
        head = privsep.head(device, len(SNAPSHOT_MAGIC))
        return head == SNAPSHOT_MAGIC

    def close(self, store: CowDevice) -> None:
        """Detach a store from its loop device; its data stays."""
        if store.file is not None:
            loop.detach(store.device)

    def purge(self, store: CowDevice) -> None:
        """Detach a store; remove its file if the agent made it."""
        self.close(store)
        if store.own and store.file is not None:
            store.file.unlink(missing_ok=True)

    def of_instance(self, instance: str, device: str) -> CowDevice:
        """Return the store of a standing instance, known by its device."""
        file = loop.backing_file(device)
        own = self._own_file(instance)
        if file is None or file.parent != self._folder:
            return CowDevice(device)
        return CowDevice(device, file, own=file == own)

    def _own_file(self, instance: str) -> Path:
        return files.cow_store(self._folder, instance)

    def _check_own(self, file: Path) -> None:
        attached = loop.devices_of(file)
        if attached:
            raise InUse(f"{file} is attached to {', '.join(attached)} already")
        _refuse_old_writes(file)

    def _own(self, instance: str, origin_sectors: int) -> CowDevice:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._own_file(instance)
        self._check_own(file)
        new = not file.exists()
        size = store_sectors(origin_sectors, self._chunk) * sysfs.SECTOR
        try:
            stretch(file, size)
            return CowDevice(loop.attach(file), file, own=True)
        except (VirtmanError, OSError):
            if new:
                file.unlink(missing_ok=True)
            raise

    def _premade_file(self, device: str) -> Path:
        number = int(device.removeprefix(_LOOP))
        file = self._folder / f"snap{number}.blk"
        tutorial = self._folder / f"snapshot{number}.blk"
        if tutorial.exists() and not file.exists():
            return tutorial
        return file

    def _premade(
        self, device: str, file: Path, origin_sectors: int
    ) -> CowDevice:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            size = store_sectors(origin_sectors, self._chunk) * sysfs.SECTOR
            stretch(file, size)
        loop.attach(file, device=device)
        return CowDevice(device, file)


def _refuse_old_writes(file: Path) -> None:
    """Refuse a file with the writes of an earlier instance of the name.

    The agent's file is removed with its instance.  A file that is still
    there, with the header of a snapshot, was not given up: the host went
    down, say.
    """
    if has_writes(file):
        raise InUse(
            f"{file} holds the writes of an earlier instance of that name; "
            "create the instance with keep = true to use them; move the file "
            "away to keep them, or remove it to start anew"
        )


def _is_free_loop(device: str) -> bool:
    return loop.is_name(device) and loop.is_free(device)
