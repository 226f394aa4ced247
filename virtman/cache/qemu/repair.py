# SPDX-License-Identifier: Apache-2.0
"""Repairs a cache engine that fails while VMs read through it.

The kernel reads past the engine by then (``bypass.py``), so there is no need
to hurry.  Nothing is remembered: the claim is removed before the first change
and written again with the new connection.  If the agent is killed half-way,
the next one finds the engine *broken* once more.

=====================================  ====================================
the engine's state                     its repair
=====================================  ====================================
no daemon, or another connection than  a daemon, if none runs, and a new NBD
the claim's                            device in the old one's place
daemon runs, path failed, disk full    logged once; reads go past the engine
                                       until the disk has space
daemon runs, path failed               the path is taken back; if that does
                                       not last a second, a new connection
=====================================  ====================================
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from virtman import sysfs
from virtman.cache.qemu.bypass import Bypass
from virtman.drivers import dmsetup, nbd, sparse, storage_daemon
from virtman.drivers.dmsetup import ACTIVE
from virtman.drivers.nbd import Extent
from virtman.drivers.storage_daemon import Files
from virtman.exception import VirtmanError
from virtman.log_once import LogOnce
from virtman.names import Role

LOG = logging.getLogger(__name__)

# Seconds between two tries of a repair that fails; doubled each time.
_AGAIN_FIRST, _AGAIN_MOST = 1.0, 60.0
# Bytes that must be free, or as many as the image still needs, before a file
# system that was full is written to again.
_ROOM = 16 << 20


class EngineRepair:
    """Repairs one image's engine, in one thread.

    :param source: the device that the engine caches.
    :param on_extents: is called with those of the data file while no daemon
        writes to it.
    """

    def __init__(
        self,
        image: str,
        source: str,
        sectors: int,
        files: Files,
        on_extents: Callable[[Iterable[Extent]], object],
    ) -> None:
        self._image = image
        self._source = source
        self._sectors = sectors
        self._files = files
        self._on_extents = on_extents
        self._bypass = Bypass(image)
        self._asked = self._failed = self._taken_back = self._full = False
        self._logged = LogOnce()
        self._pause, self._again_at = _AGAIN_FIRST, 0.0

    def extents(self) -> list[Extent]:
        """Ask the daemon for the extents of its cache."""
        return nbd.extents(self._files.socket, storage_daemon.EXPORT)

    def tend(self, ask: bool) -> str | None:
        """Check the engine and repair it; a repair that fails is tried again.

        :param ask: also ask the kernel whether reads go past the engine.
            While a path has failed the kernel is asked in any case.
        :returns: the NBD device in use.
        """
        self._asked = self._asked or ask
        if time.monotonic() >= self._again_at:
            asked, self._asked = self._asked, False
            try:
                self._turn(asked or self._failed)
            except (VirtmanError, OSError) as error:
                self._tell(error)
                self._postpone()
        return self._bypass.engine

    def _tell(self, error: Exception) -> None:
        if self._logged.is_new(self._image, error):
            LOG.error(
                "%s: its engine is not repaired yet: %s", self._image, error
            )

    def _postpone(self) -> None:
        """Put off the next check of the engine, for longer each time."""
        self._asked = True
        self._again_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _AGAIN_MOST)

    def _turn(self, ask: bool) -> None:
        old = self._bypass.engine
        whole = self._is_whole(old)
        if not self._bypass.stands or (whole and not self._fails(ask)):
            return
        if not self._source_answers():
            self._asked = True
        elif whole:
            self._reinstate(old)
        else:
            self._mend(old)

    def _fails(self, ask: bool) -> bool:
        """Tell whether reads go past a daemon that may be able to serve.

        A daemon on a full file system is not: it fails again.
        """
        if not ask:
            return False
        full = not self._has_room()
        if full and self._full:
            return False
        self._failed = self._bypass.impaired
        if not self._failed:
            self._taken_back = self._full = False
            self._logged.forget(self._image)
            self._pause = _AGAIN_FIRST
        elif full:
            self._tell_full()
        return self._failed and not full

    def _is_whole(self, device: str | None) -> bool:
        """Tell whether the daemon runs and serves this NBD device."""
        claimed = sysfs.read(self._files.claim)
        return (
            device is not None
            and claimed == device
            and storage_daemon.pid(self._files) is not None
        )

    def _source_answers(self) -> bool:
        """Tell whether the source has an active path.

        Without one a repair would wait: QEMU reads a disk that it opens.
        """
        source = dmsetup.find(Role.MULTIPATH, self._image)
        if source is None:
            return False
        states = dmsetup.path_states(dmsetup.status(source))
        return ACTIVE in (state for _, state in states)

    def _reinstate(self, device: str | None) -> None:
        """Have the kernel use a failed path again, or a new connection.

        A new connection if the path was taken back before and failed again.
        """
        if self._taken_back:
            self._mend(device)
        else:
            self._taken_back, self._full = True, False
            self._bypass.take_back()
            LOG.warning("%s is read through its cache again", self._image)

    def _tell_full(self) -> None:
        self._full = True
        LOG.error(
            "%s is full: what %s reads and has not cached yet goes past its "
            "cache, from its parents each time; make room there (destroy the "
            "instances of another image, or remove files of other programs) "
            "and it is cached again", self._files.data.parent, self._image,
        )  # fmt: skip

    def _has_room(self) -> bool:
        folder = os.statvfs(self._files.data.parent)
        data = self._files.data.stat()
        missing = data.st_size - data.st_blocks * sysfs.SECTOR
        free = folder.f_bavail * folder.f_frsize
        return free >= min(_ROOM, max(missing, storage_daemon.CLUSTER))

    def _mend(self, old: str | None) -> None:
        """Start the daemon if it is gone, and connect the engine anew."""
        LOG.warning(
            "%s: its qemu-storage-daemon is %s; reads go past it until it is "
            "repaired", self._image,
            "not connected" if storage_daemon.pid(self._files) else "gone",
        )  # fmt: skip
        self._drop_connections(old)
        if storage_daemon.pid(self._files) is None:
            storage_daemon.stop(self._files)
            self._on_extents(written(self._files.data))
            storage_daemon.start(self._files, self._source)
        self._connect()
        self._failed = self._taken_back = self._full = False
        LOG.warning("%s: its engine works again", self._image)
        # A daemon that dies again at once is not started in every turn.
        self._postpone()

    def _drop_connections(self, old: str | None) -> None:
        """End the connection in use, and the claimed one of an earlier agent.

        Reads that were on their way through them go past the engine then.
        """
        # The claim is read first: without the file no connection is claimed.
        other = nbd.claimed(self._files.claim, self._sectors)
        self._files.claim.unlink(missing_ok=True)
        for device in (old, other):
            if device is not None:
                nbd.disconnect(device)

    def _connect(self) -> None:
        files = self._files
        new = nbd.connect(files.socket, storage_daemon.EXPORT, files.claim)
        try:
            nbd.forget_partitions(new)
            self._bypass.lead_to(self._sectors, new, self._source)
        except Exception:
            files.claim.unlink(missing_ok=True)
            nbd.disconnect(new)
            raise


def written(data: Path) -> list[Extent]:
    """Return the extents of a data file, as far as its file system tells.

    A killed daemon's own tables are lost in part: they were in its memory (in
    the lab the next daemon knew of no data).  The data are in the file, at
    their places.
    """
    try:
        runs = sparse.written(data)
    except OSError:
        return []
    return [Extent(start, end - start, 1) for start, end in runs]
