# SPDX-License-Identifier: Apache-2.0
"""The bypass ``engine_<image>``: the way past a cache engine that fails.

Table (``drivers/md/dm-mpath.c``, ``multipath_ctr``)::

    0 <S> multipath 2 queue_mode bio 0 2 1 <engine's group> <source's group>
    group = queue-length 0 1 1 <device> 1

The kernel itself goes on with the second group, ``multipath_<image>``, when
the storage daemon is gone or answers with an error; so does a read that was
on its way.  In the lab a read that the killed daemon had not answered came
through 16 ms after the kill, without an agent.  ``queue_mode bio`` because
both are devices that the kernel does not stack requests on.

Without ``queue_if_no_path``: the source itself lets reads wait while it has
no path.  When the source fails its reads (while the stack is built, and after
``no_source_timeout``), reads of the bypass must fail too.  A scanner that
reads then fails both paths here; :meth:`Bypass.open` takes them back.
"""

from __future__ import annotations

from virtman import names, sysfs
from virtman.drivers import dmsetup
from virtman.drivers.dmsetup import FAILED
from virtman.names import Role


def table(sectors: int, engine: str, source: str) -> str:
    """Return the table over the engine's device and the source's.

    :param sectors: size of the image in sectors of 512 bytes.
    """
    groups = " ".join(
        f"queue-length 0 1 1 {device} 1" for device in (engine, source)
    )
    return f"0 {sectors} multipath 2 queue_mode bio 0 2 1 {groups}"


class Bypass:
    """The bypass of one image; its state is read from the kernel each time."""

    def __init__(self, image: str) -> None:
        self._image = image

    @property
    def path(self) -> str:
        """The path of the device ``engine_<image>``."""
        return names.dm_path(Role.ENGINE, self._image)

    @property
    def stands(self) -> bool:
        """Whether the device ``engine_<image>`` stands."""
        return self._device() is not None

    @property
    def engine(self) -> str | None:
        """The NBD device under the bypass, ``/dev/nbdN``, None without one."""
        under = [n for n in sysfs.slaves(self.path) if n.startswith("nbd")]
        return f"/dev/{under[0]}" if under else None

    @property
    def failed(self) -> bool:
        """Whether reads go past the cache engine."""
        return self._states()[:1] == [FAILED]

    @property
    def impaired(self) -> bool:
        """Whether a path has failed: reads end when the other fails too."""
        return FAILED in self._states()

    def create(self, sectors: int, engine: str, source: str) -> str:
        """Make the device ``engine_<image>`` and return its path."""
        text = table(sectors, engine, source)
        return dmsetup.create(Role.ENGINE, self._image, text, readonly=True)

    def open(self) -> None:
        """Use both paths again, if one failed while the source was shut."""
        if FAILED in self._states():
            self.take_back()

    def take_back(self) -> None:
        """Have the kernel use every path again, the engine's first."""
        device = self._device()
        if device is None:
            return
        for number, state in dmsetup.path_states(dmsetup.status(device)):
            if state == FAILED:
                dmsetup.message(device, f"reinstate_path {number}")
        # A reinstated path is not enough: the kernel keeps to the group that
        # it reads from.
        dmsetup.message(device, "switch_group 1")

    def lead_to(self, sectors: int, engine: str, source: str) -> None:
        """Put another NBD device in the place of the one under the bypass."""
        device = self._device()
        if device is None:
            return
        text = table(sectors, engine, source)
        dmsetup.swap_table(device, text, readonly=True)

    def remove(self) -> bool:
        """Remove ``engine_<image>`` if it stands; return whether it did."""
        return dmsetup.remove(Role.ENGINE, self._image)

    def _device(self) -> dmsetup.Device | None:
        return dmsetup.find(Role.ENGINE, self._image)

    def _states(self) -> list[str]:
        """Return the state of each path, the engine's first."""
        device = self._device()
        if device is None:
            return []
        states = dmsetup.path_states(dmsetup.status(device))
        return [state for _, state in states]
