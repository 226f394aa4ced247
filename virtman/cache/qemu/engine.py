# SPDX-License-Identifier: Apache-2.0
"""The default engine: qemu-storage-daemon's copy-on-read, with a map.

Files of one image: an overlay and a data file in ``cache_dir``; a socket, a
pid file and a claim in ``run_dir``.  Devices, from below: ``/dev/nbdN`` from
the daemon; ``engine_<image>`` over that and, if it fails, over the source
(``bypass.py``, ``repair.py``); a loop device on the data file;
``cached_<image>`` over both (``hydration_map.py``).
Without the kernel module dm_switch ``cached_<image>`` is a dm-linear over
``engine_<image>``: slower, but correct.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

from virtman import names, privsep, sysfs
from virtman.cache.engine import CacheEngine, Requirement
from virtman.cache.qemu import hydration_map
from virtman.cache.qemu.bypass import Bypass
from virtman.cache.qemu.hydrator import Hydrator
from virtman.cache.qemu.repair import EngineRepair, written
from virtman.conf import Settings
from virtman.drivers import dmsetup, loop, nbd, storage_daemon
from virtman.drivers.storage_daemon import Files
from virtman.exception import CommandError, NoSpace
from virtman.names import Role
from virtman.stack import ABSENT, State, Status

# qcow2's own tables (QEMU, docs/interop/qcow2.txt): for a cluster of 64 KiB an
# L2 entry of 8 bytes and a reference count of 2; and some clusters of header.
_OVERHEAD_PARTS = 4096
_OVERHEAD_BYTES = 1 << 20


class QemuEngine(CacheEngine):
    """One storage daemon an image, its data file read by the kernel."""

    programs = (
        Requirement("qemu-storage-daemon", "qemu-system-common"),
        Requirement("qemu-img", "qemu-utils"),
        Requirement("nbd-client", "nbd-client"),
        Requirement("nbdinfo", "libnbd-bin"),
        Requirement("partx", "util-linux"),
    )
    modules = (
        Requirement("nbd", "linux-image-amd64"),
        Requirement("loop", "linux-image-amd64"),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._hydrators: dict[str, Hydrator] = {}

    def require_space(self, image: str, sectors: int) -> None:
        """Raise NoSpace unless the file system has space for a whole image.

        Data files are sparse.  The part of a file that has no blocks yet is
        promised to that file, and not free.  The image's own file, if an
        earlier agent made one, has part of the needed blocks already.
        """
        folder = self.settings.cache_dir
        folder.mkdir(parents=True, exist_ok=True)
        own = self._files(image).data
        others = [_room(item) for item in folder.glob("*.data") if item != own]
        size = sectors * sysfs.SECTOR
        self._require_limit(image, size, sum(length for length, _ in others))
        promised = sum(max(0, length - used) for length, used in others)
        need = size + size // _OVERHEAD_PARTS + _OVERHEAD_BYTES
        self._require_free(image, need - _room(own)[1], promised)

    def _require_limit(self, image: str, size: int, others: int) -> None:
        most = self.settings.cache_max_mib << 20
        if most and others + size > most:
            raise NoSpace(
                f"the cache of {image} needs {size >> 20} MiB, and of the "
                f"{most >> 20} MiB of cache_max_mib other images have "
                f"{others >> 20} MiB; destroy another image's instances, or "
                "set cache_max_mib to more"
            )

    def _require_free(self, image: str, need: int, promised: int) -> None:
        folder = self.settings.cache_dir
        free = os.statvfs(folder)
        have = free.f_bavail * free.f_frsize - promised
        have -= self.settings.cache_free_mib << 20
        if have < need:
            raise NoSpace(
                f"the cache of {image} needs {need >> 20} MiB in {folder}, "
                f"which has {max(have, 0) >> 20} MiB left for it (other "
                f"images may still need {promised >> 20} MiB); free some or "
                "set cache_dir to a larger file system"
            )

    def status(self, image: str, sectors: int) -> Status:
        """Return ACTIVE if ``cached_<image>`` stands with this size.

        A dead daemon does not count: the engine's thread repairs it.
        """
        device = dmsetup.find(Role.CACHED, image)
        if device is None:
            return ABSENT
        if sysfs.sectors(device.path) != sectors:
            reason = f"does not have the image's {sectors} sectors"
            return Status(State.MISMATCH, device.path, reason)
        return Status(State.ACTIVE, device.path)

    def activate(self, image: str, source: str, sectors: int) -> str:
        """Start the daemon of an image, connect it, put the map on top."""
        self.require_space(image, sectors)
        files = self._files(image)
        with contextlib.ExitStack() as undo:
            undo.callback(self._discard, files)
            self._unbuild(image)
            self._discard(files)
            storage_daemon.create_overlay(files, source, sectors)
            storage_daemon.start(files, source)
            device = nbd.connect(
                files.socket, storage_daemon.EXPORT, files.claim
            )
            undo.callback(nbd.disconnect, device)
            local = loop.attach(files.data, readonly=True)
            undo.callback(loop.detach, local)
            bypass = Bypass(image)
            engine = bypass.create(sectors, device, source)
            undo.callback(bypass.remove)
            path = self._create_cached(image, sectors, engine, local)
            undo.callback(dmsetup.remove, Role.CACHED, image)
            self._hydrate(image, source, sectors)
            undo.pop_all()
        return path

    def follow(self, image: str, source: str, sectors: int) -> None:
        """Map the regions of an image anew, and watch over its engine.

        The last agent may have been killed before it set the map.
        """
        if image in self._hydrators:
            return
        cached = dmsetup.find(Role.CACHED, image)
        if cached is None:
            return
        if _is_switch(cached):
            self._map_all_on_engine(cached, sectors)
        self._hydrate(image, source, sectors)

    def opened(self, image: str) -> None:
        """Have the kernel use both paths of an image's bypass."""
        Bypass(image).open()

    def look(self, image: str) -> None:
        """Have an image's engine checked by its thread now."""
        hydrator = self._hydrators.get(image)
        if hydrator:
            hydrator.look()

    def kept(self) -> set[str]:
        """Return the images with an overlay, a data file or a daemon."""
        folder = self.settings.cache_dir
        daemons = {file for _, file in storage_daemon.running(folder)}
        return {
            file.stem
            for file in {*folder.glob("*"), *daemons}
            if file.suffix in (".data", ".qcow2")
        }

    def deactivate(self, image: str) -> bool:
        """Remove an image's devices, daemon and files; return if any was."""
        # The device first: while it is read from, this refuses and the rest
        # stays whole.
        removed = dmsetup.remove(Role.CACHED, image)
        hydrator = self._hydrators.pop(image, None)
        if hydrator:
            hydrator.stop()
        removed = self._unbuild(image) or removed
        return self._discard(self._files(image)) or removed

    def hydrated(self, image: str) -> tuple[int, int]:
        """Return how many regions of an image are hydrated, and how many are.

        Both are 0 for an image that this engine does not follow.
        """
        hydrator = self._hydrators.get(image)
        return hydrator.progress if hydrator else (0, 0)

    def close(self) -> None:
        """End the threads of all engines; daemons and devices stay."""
        while self._hydrators:
            self._hydrators.popitem()[1].stop()

    def _files(self, image: str) -> Files:
        cache, run = self.settings.cache_dir, self.settings.run_dir
        return Files(
            overlay=cache / f"{image}.qcow2",
            data=cache / f"{image}.data",
            socket=run / f"{names.short(image)}.nbd",
            pidfile=run / f"{names.short(image)}.pid",
            claim=run / f"{names.short(image)}.device",
        )

    def _unbuild(self, image: str) -> bool:
        """Remove ``engine_<image>`` and disconnect its NBD device."""
        bypass = Bypass(image)
        device = bypass.engine
        removed = bypass.remove()
        if device is not None:
            nbd.disconnect(device)
        return removed

    def _create_cached(
        self, image: str, sectors: int, engine: str, local: str
    ) -> str:
        if not _has_switch():
            text = f"0 {sectors} linear {engine} 0"
            return dmsetup.create(Role.CACHED, image, text, readonly=True)
        text = hydration_map.table(sectors, engine, local)
        path = dmsetup.create(Role.CACHED, image, text, readonly=True)
        try:
            cached = dmsetup.Device(Role.CACHED, image, Path(path).name)
            self._map_all_on_engine(cached, sectors)
        except CommandError:
            dmsetup.remove(Role.CACHED, image)
            raise
        return path

    def _map_all_on_engine(self, cached: dmsetup.Device, sectors: int) -> None:
        dmsetup.message(cached, hydration_map.all_on_engine(sectors))
        # A scanner that was faster than the message has read zeros; they
        # must not stay in the page cache.
        privsep.blockdev("--flushbufs", cached.path)

    def _hydrate(self, image: str, source: str, sectors: int) -> None:
        """Start the thread that updates an image's map and repairs its engine.

        Without dm_switch there is no map, and the thread only repairs.
        """
        cached = dmsetup.find(Role.CACHED, image)
        if cached is None:
            return
        files, regions = self._files(image), None
        if _is_switch(cached):
            regions = hydration_map.HydrationMap(
                sectors, lambda text: dmsetup.message(cached, text)
            )
        repair = EngineRepair(
            image, source, sectors, files,
            on_extents=regions.update if regions else lambda _: 0,
        )  # fmt: skip
        hydrator = Hydrator(image, repair, regions, written(files.data))
        self._hydrators[image] = hydrator
        hydrator.start()

    def _discard(self, files: Files) -> bool:
        """End the daemon and remove the files; return whether any was."""
        # Before the files go: the claim names the NBD device, and the data
        # file has the size by which it is recognised.
        sectors = _room(files.data)[0] // sysfs.SECTOR
        device = nbd.claimed(files.claim, sectors)
        if device is not None:
            nbd.disconnect(device)
        existed = storage_daemon.stop(files)
        for device in loop.devices_of(files.data):
            loop.detach(device)
        for name in dataclasses.astuple(files):
            file = Path(name)
            existed = file.exists() or existed
            file.unlink(missing_ok=True)
        return existed


def _room(file: Path) -> tuple[int, int]:
    """Return a file's length and the size of its blocks, in bytes."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_blocks * sysfs.SECTOR


def _is_switch(cached: dmsetup.Device) -> bool:
    return " switch " in dmsetup.table(cached)


def _has_switch() -> bool:
    try:
        privsep.modprobe("dm-switch")
    except CommandError:
        return False
    return True
