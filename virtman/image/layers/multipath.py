# SPDX-License-Identifier: Apache-2.0
"""``multipath_<image>``: one device over all paths to an image.

Table (``drivers/md/dm-mpath.c``, ``multipath_ctr``)::

    0 <S> multipath 1 queue_if_no_path 0 <groups> <first group> <group>...
    group = queue-length 0 1 1 <device> <repeat count>

One path group a source, in order of preference: the parent first, the next
source when that fails.  Without any path the device exists all the same, and
what is read through it waits: a node's stack stands before its parent does.
Read-only, as is every disk under it: a SCSI disk with write protect refuses
a table that could write (EROFS).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from virtman import names, sysfs
from virtman.drivers import dmsetup
from virtman.drivers.dmsetup import ACTIVE, FAILED
from virtman.exception import CommandError
from virtman.names import Role
from virtman.path import Path
from virtman.stack import ABSENT, Layer, State, Status

_REPEAT_COUNT = 128
_QUEUE, _FAIL = "queue_if_no_path", "fail_if_no_path"


def table(sectors: int, devices: Sequence[str]) -> str:
    """Return the table for disks in order of preference.

    :param sectors: size of the image in sectors of 512 bytes.
    :param devices: ``/dev/sdX`` or ``major:minor``; may be empty.
    """
    groups = [f"queue-length 0 1 1 {name} {_REPEAT_COUNT}" for name in devices]
    first = 1 if groups else 0
    words = [f"0 {sectors} multipath 1 {_QUEUE} 0"]
    return " ".join([*words, f"{len(groups)} {first}", *groups])


class Multipath(Layer):
    """The bottom of an image's stack; its paths come and go while it lives.

    It is born *shut*: without a path and without queueing, a read fails at
    once.  So the engine above can open it with O_DIRECT, though QEMU 7 tries
    a read to learn the alignment and the kernel one to find partitions; on a
    device that queues both would wait for the first path.  :meth:`open` lets
    it queue.
    """

    def __init__(self, image: str, sectors: int) -> None:
        self._image = image
        self._sectors = sectors
        self._swapping = threading.Lock()

    @property
    def device(self) -> str:
        """The device's path."""
        return names.dm_path(Role.MULTIPATH, self._image)

    @property
    def disks(self) -> list[str]:
        """The disks of the live table as ``major:minor``, best first."""
        device = dmsetup.find(Role.MULTIPATH, self._image)
        return devices_of(dmsetup.table(device)) if device else []

    def status(self, below: str) -> Status:
        """Compare the size; the paths are :meth:`update`'s business."""
        device = dmsetup.find(Role.MULTIPATH, self._image)
        if device is None:
            return ABSENT
        size = sysfs.sectors(device.path)
        if size != self._sectors:
            reason = f"has {size} sectors, the image has {self._sectors}"
            return Status(State.MISMATCH, device.path, reason)
        return Status(State.ACTIVE, device.path)

    def build(self, below: str) -> str:
        """Create the device, shut."""
        text = f"0 {self._sectors} multipath 0 0 0 0"
        return dmsetup.create(Role.MULTIPATH, self._image, text, readonly=True)

    def deactivate(self) -> bool:
        """Remove the device; nothing may stand on it any more."""
        return dmsetup.remove(Role.MULTIPATH, self._image)

    def open(self) -> bool:
        """Let a shut device queue what is read; return whether it was shut."""
        with self._swapping:
            device = dmsetup.find(Role.MULTIPATH, self._image)
            if device is None or _QUEUE in dmsetup.table(device):
                return False
            dmsetup.message(device, _QUEUE)
            return True

    def give_up(self) -> bool:
        """Let what is read fail while no path lives; say if it waited.

        What waits now fails, too.  A new table lets it wait again.
        """
        with self._swapping:
            device = dmsetup.find(Role.MULTIPATH, self._image)
            if device is None or _QUEUE not in dmsetup.table(device):
                return False
            dmsetup.message(device, _FAIL)
            return True

    def update(self, paths: Sequence[Path]) -> bool | None:
        """Put these paths, best first, under the live device.

        A table that says the same already is left alone: a reload costs the
        readers a stall.

        :returns: whether anything changed; None if there is no device yet.
        """
        with self._swapping:
            device = dmsetup.find(Role.MULTIPATH, self._image)
            if device is None:
                return None
            wanted = [
                sysfs.number(path.device) or path.device for path in paths
            ]
            if wanted == devices_of(dmsetup.table(device)):
                return False
            self._swap(device, wanted)
            return True

    def failed(self, paths: Sequence[Path]) -> list[Path]:
        """Return those of these paths that the kernel does not use."""
        states = self._states()
        return [
            path
            for path in paths
            if states.get(sysfs.number(path.device) or "") == FAILED
        ]

    def fail(self, path: Path) -> bool:
        """Have the kernel use a path no more; return whether it did.

        Reads go on through the next path, or wait if there is none.
        """
        return self._message("fail_path", path, ACTIVE)

    def take_back(self, path: Path) -> bool:
        """Have the kernel use a path again; return whether it did not.

        It goes on with the path group it has; so it is told to begin again
        with the best that is in order.
        """
        changed = self._message("reinstate_path", path, FAILED)
        device = dmsetup.find(Role.MULTIPATH, self._image)
        states = list(self._states().values())
        if device is not None and ACTIVE in states:
            group = states.index(ACTIVE) + 1
            dmsetup.message(device, f"switch_group {group}")
        return changed

    def _states(self) -> dict[str, str]:
        """Return the state of each disk, in order; none without a device."""
        device = dmsetup.find(Role.MULTIPATH, self._image)
        if device is None:
            return {}
        try:
            return states_of(dmsetup.status(device))
        except CommandError:
            # Taken away between the two questions?
            if dmsetup.find(Role.MULTIPATH, self._image) is None:
                return {}
            raise

    def _message(self, verb: str, path: Path, state: str) -> bool:
        """Send a message about a path of the table that is in this state."""
        with self._swapping:
            device = dmsetup.find(Role.MULTIPATH, self._image)
            number = sysfs.number(path.device)
            if device is None or number is None:
                return False
            if self._states().get(number) != state:
                return False
            dmsetup.message(device, f"{verb} {number}")
            return True

    def _swap(self, device: dmsetup.Device, disks: Sequence[str]) -> None:
        text = table(self._sectors, disks)
        dmsetup.swap_table(device, text, readonly=True)


class Gate(Layer):
    """Opens the multipath device once the engine above has opened it.

    :param opened: is called then.
    """

    def __init__(
        self, multipath: Multipath, opened: Callable[[], None]
    ) -> None:
        self._multipath = multipath
        self._opened = opened

    def status(self, below: str) -> Status:
        """Say absent: to open what is open changes nothing."""
        return ABSENT

    def build(self, below: str) -> str:
        """Open the device below the engine; hand the engine's on.

        One that has had paths was open: its reads were let fail when all of
        its sources were away for too long, and they do until one is back.
        """
        if not self._multipath.disks:
            self._multipath.open()
        self._opened()
        return below

    def deactivate(self) -> bool:
        """Leave it open: what the engine still reads must not fail."""
        return False


def devices_of(text: str) -> list[str]:
    """Return the disks (``major:minor``) of a live multipath table in order.

    The kernel prints a group as
    ``queue-length 0 <paths> <arguments a path> <device> <arguments>``.
    """
    words = text.split()
    disks = []
    for index, word in enumerate(words):
        if word == "queue-length":
            disks += words[index + 4 : index + 5]
    return disks


def states_of(text: str) -> dict[str, str]:
    """Return each disk's state in a live status, in the table's order."""
    return dict(dmsetup.path_states(text))
