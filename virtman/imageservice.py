# SPDX-License-Identifier: Apache-2.0
"""Image targets: a RAW file on this node, exported for the first readers.

file -> read-only loop device -> tgt, and volt is told.  Nothing is kept in
memory: an image target is a target of tgt whose serial number is ours and
whose disk is a loop device.  So a restarted agent knows its targets.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

from virtman import names, sysfs
from virtman.conf import Settings
from virtman.coordinator import Coordinator, ImageFacts, Seat
from virtman.drivers import iscsi, loop
from virtman.exception import (
    AlreadyExists,
    InUse,
    InvalidRequest,
    NotFound,
    VirtmanError,
)

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageTarget:
    """An exported image: its key, tgt's id for it, its loop device."""

    image: str
    tid: int
    device: str
    iqn: str


class ImageService:
    """Creates, removes and lists the image targets of this node."""

    def __init__(self, settings: Settings, coordinator: Coordinator) -> None:
        self._settings = settings
        self._coordinator = coordinator
        self._lock = threading.Lock()
        self._unpublished: set[str] = set()

    def create(
        self,
        image_name: str,
        file_path: str,
        loop_device: str | None = None,
        iqn_prefix: str = names.DEFAULT_IQN_PREFIX,
    ) -> ImageTarget:
        """Export a RAW file read-only under an image's name.

        :param loop_device: a free loop device; None takes the first free.
        :raises AlreadyExists: the name is exported already.
        :raises InvalidRequest: the file or a name cannot be used.
        :raises InUse: the file or the loop device is somebody's already.
        """
        image = names.image_id(image_name)
        iqn = names.iqn(image, iqn_prefix)
        with self._lock:
            if self._find(image) or iscsi.find(iqn):
                raise AlreadyExists(f"image_name = {image} exists")
            file = _path(file_path)
            facts = inspect(image, file)
            device = _attach(file, loop_device)
            try:
                tid = iscsi.create(iqn, device, facts.serial)
            except VirtmanError:
                loop.detach(device)
                raise
        target = ImageTarget(image, tid, device, iqn)
        self._publish(target, facts)
        return target

    def destroy(self, image_name: str) -> None:
        """Remove an image target; its file is left as it is.

        :raises NotFound: no such target.
        :raises InUse: a node is logged in.
        """
        image = names.image_id(image_name)
        with self._lock:
            target = self._find(image)
            if target is None:
                raise NotFound(f"image_name = {image} not exists")
            iscsi.remove(target.iqn)
            loop.detach(target.device)
        self._withdraw(target)

    def targets(self) -> list[ImageTarget]:
        """Return every image target of this node, by name."""
        found = [
            ImageTarget(image, item.tid, item.device or "", item.iqn)
            for item in iscsi.targets()
            if (image := names.parse_iqn(item.iqn))
            and (item.serial or "").startswith(names.SERIAL_PREFIX)
            and (item.device or "").startswith("/dev/loop")
        ]
        return sorted(found, key=lambda target: target.image)

    def republish(self) -> None:
        """Tell volt what it could not be told before; for the heartbeat."""
        if not self._unpublished:
            return
        for target in self.targets():
            if target.image in self._unpublished:
                self._publish_again(target)

    def _find(self, image: str) -> ImageTarget | None:
        return next(
            (item for item in self.targets() if item.image == image), None
        )

    def _publish(self, target: ImageTarget, facts: ImageFacts) -> None:
        try:
            self._coordinator.publish(self._seat(target), facts)
        except VirtmanError as error:
            if target.image not in self._unpublished:
                LOG.warning(
                    "%s; %s is not known to volt yet", error, target.image
                )
            self._unpublished.add(target.image)
        else:
            self._unpublished.discard(target.image)

    def _publish_again(self, target: ImageTarget) -> None:
        """Publish the content that is served, which no other file tells."""
        served = iscsi.find(target.iqn)
        file = loop.backing_file(target.device)
        try:
            facts = _facts(target.image, file.stat()) if file else None
        except OSError:
            facts = None
        if served and facts and served.serial == facts.serial:
            self._publish(target, facts)
            return
        LOG.warning(
            "%s is not made known to volt: its file was changed or removed "
            "since it was exported; destroy the target and create it again",
            target.image,
        )
        self._unpublished.discard(target.image)

    def _withdraw(self, target: ImageTarget) -> None:
        self._unpublished.discard(target.image)
        try:
            self._coordinator.withdraw(self._seat(target))
        except VirtmanError as error:
            LOG.warning("%s; volt still lists %s here", error, target.image)

    def _seat(self, target: ImageTarget) -> Seat:
        return Seat(
            target.image,
            self._settings.host_ip,
            self._settings.iscsi_port,
            target.iqn,
            iscsi.LUN,
        )


def _path(file_path: str) -> Path:
    if not isinstance(file_path, str):
        raise InvalidRequest(f"image file_path = {file_path!r} is no path")
    return Path(file_path)


def inspect(image: str, file: Path) -> ImageFacts:
    """Return an image file's facts if it can be exported.

    :raises InvalidRequest: missing, empty, no plain file, an odd size.
    :raises InUse: attached to a loop device, or open for writing.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise InvalidRequest(f"image file_path = {file} not exists") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(
            f"image file_path = {file} cannot be opened: {reason}"
        ) from None
    try:
        found = os.fstat(handle)
        _check_shape(file, found)
        _check_unused(file, handle)
    finally:
        os.close(handle)
    return _facts(image, found)


def _facts(image: str, found: os.stat_result) -> ImageFacts:
    """Derive the generation from what changes when the content does."""
    generation = f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"
    sectors = found.st_size // sysfs.SECTOR
    serial = names.serial(image, sectors, generation)
    return ImageFacts(sectors, generation, serial)


def _check_shape(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidRequest(f"image file_path = {file} is no plain file")
    if found.st_size == 0:
        raise InvalidRequest(f"image file_path = {file} is empty")
    if found.st_size % sysfs.SECTOR:
        raise InvalidRequest(
            f"image file_path = {file} has {found.st_size} bytes, which is "
            f"no multiple of {sysfs.SECTOR}: is it a RAW image? "
            f"'truncate -s %{sysfs.SECTOR} {file}' pads one"
        )


def _check_unused(file: Path, handle: int) -> None:
    used = loop.devices_of(file)
    if used:
        raise InUse(
            f"image file_path = {file} is in use: attached to "
            f"{', '.join(used)}"
        )
    # A read lease is refused while anybody has the file open for writing
    # (fcntl(2)); file systems without leases (9p, NFS) cannot tell.
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        raise InUse(
            f"image file_path = {file} is in use: open for writing somewhere"
        ) from None
    except OSError:
        LOG.debug("%s: its file system has no leases", file)


def _attach(file: Path, device: str | None) -> str:
    if device is not None and not _is_free_loop(device):
        raise InUse(
            f"{device} is no free loop device; give another or none, then "
            "the first free one is taken"
        )
    return loop.attach(file, readonly=True, device=device)


def _is_free_loop(device: str) -> bool:
    return isinstance(device, str) and loop.is_free(device)
