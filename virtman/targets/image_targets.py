# SPDX-License-Identifier: Apache-2.0
"""The image targets that stand on this host, and those that are to.

file -> read-only loop device -> tgt.  The standing targets are asked of the
kernel and of tgtd: a target with a serial number of the agent and a loop
device as its disk.  The wanted targets are in the intents, so that the next
agent can finish them, and make them again after a boot.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from virtman import sysfs
from virtman.drivers import iscsi, loop
from virtman.exception import (
    AlreadyExists,
    InUse,
    InvalidRequest,
    NotFound,
    VirtmanError,
)
from virtman.model import ImageFacts
from virtman.quoting import quoted
from virtman.state.intent import TargetIntent
from virtman.state.intents import Intents
from virtman.targets import image_file
from virtman.targets.image_folders import ImageFolders

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageTarget:
    """An exported image: its key, its tid at tgtd, its loop device."""

    image: str
    tid: int
    device: str
    iqn: str


class ImageTargets:
    """Makes, removes, recovers and lists the image targets of a host."""

    def __init__(
        self, intents: Intents, folders: ImageFolders, closed: bool = False
    ) -> None:
        self._intents = intents
        self._folders = folders
        self._closed = closed
        self._lock = threading.Lock()

    def create(
        self, image: str, iqn: str, file: Path, device: str | None
    ) -> tuple[ImageTarget, ImageFacts]:
        """Export a file; return the target and the facts of the image.

        :param device: a free loop device; None takes the first free.
        :raises AlreadyExists: the name is exported already.
        :raises InvalidRequest: the file cannot be used, or may not.
        :raises InUse: the file or the loop device is in use already.
        """
        with self._lock:
            self._settle(image)
            if self.find(image) or iscsi.find(iqn):
                raise AlreadyExists(f"image_name = {image} exists")
            real = self._folders.require(file)
            facts = image_file.inspect(image, file)
            chosen = _free_loop(device)
            intent = TargetIntent(image, iqn, str(real), chosen, facts)
            self._intents.put(intent)
            try:
                return self._export(intent), facts
            except VirtmanError:
                self._take_down(intent)
                raise

    def destroy(self, image: str) -> str:
        """Remove an image target; return the iSCSI name that it had.

        :raises NotFound: no such target.
        :raises InUse: a node is logged in; it stays as it is.
        """
        with self._lock:
            intent = self._intents.get(TargetIntent, image)
            target = self.find(image)
            if intent is None and target is not None:
                intent = _describe(target)
            if intent is None:
                raise NotFound(f"image_name = {image} not exists")
            self._leave(intent)
            return intent.iqn

    def all(self) -> list[ImageTarget]:
        """Return every image target that stands, by name."""
        standing = [
            ImageTarget(item.image, item.tid, item.device or "", item.iqn)
            for item in iscsi.targets()
            if item.image
            and (item.device or "").startswith("/dev/loop")
            and not item.half_made(item.device or "")
        ]
        return sorted(standing, key=lambda target: target.image)

    def find(self, image: str) -> ImageTarget | None:
        """Return the target of an image if it stands."""
        return next((item for item in self.all() if item.image == image), None)

    def adopt(self) -> None:
        """Write the intents of the image targets that have none."""
        with self._lock:
            for target in self.all():
                if self._intents.get(TargetIntent, target.image) is None:
                    self._intents.put(_describe(target))

    def recover(
        self,
        restored: Callable[[str], None],
        removed: Callable[[str, str], None],
    ) -> None:
        """Finish what an earlier agent began with its image targets.

        A target that fails does not stop the others, and is tried again at
        the next call.

        :param restored: is called with each image that is exported again.
        :param removed: is called with each removed image and its iSCSI name.
        """
        wanted = self._intents.all(TargetIntent)
        standing = {target.image for target in self.all()} if wanted else ()
        for intent in wanted:
            if not intent.leaving and intent.name in standing:
                continue
            try:
                with self._lock:
                    changed = self._settle(intent.name)
            except VirtmanError as error:
                LOG.error("image target %s: %s", intent.name, error)
                continue
            if changed and intent.leaving:
                removed(intent.name, intent.iqn)
            elif changed:
                restored(intent.name)

    def _settle(self, image: str) -> bool:
        """Finish what was begun with a target; return whether it changed."""
        intent = self._intents.get(TargetIntent, image)
        if intent is None:
            return False
        if intent.leaving:
            self._leave(intent)
            return True
        if self.find(image) is not None:
            return False
        self._folders.require(Path(intent.file))
        _check_same(intent)
        self._export(intent)
        LOG.info("image target %s is exported again", image)
        return True

    def _export(self, intent: TargetIntent) -> ImageTarget:
        """Attach a target's file if it is not, and export it if it is not."""
        if not _is_attached(intent):
            if not loop.is_free(intent.device):
                # Since the last boot the device has another file.
                device = loop.first_free()
                intent = dataclasses.replace(intent, device=device)
                self._intents.put(intent)
            self._attach(Path(intent.file), intent.device)
        tid = iscsi.create(
            intent.iqn,
            intent.device,
            intent.facts.serial,
            closed=self._closed,
        )
        return ImageTarget(intent.name, tid, intent.device, intent.iqn)

    def _attach(self, file: Path, device: str) -> None:
        """Attach a file, and check the path that the kernel has for it.

        A folder on its path may have become a link meanwhile.
        """
        loop.attach(file, readonly=True, device=device)
        try:
            self._folders.require(loop.backing_file(device) or Path("/"))
        except InvalidRequest:
            loop.detach(device)
            raise

    def _leave(self, intent: TargetIntent) -> None:
        self._intents.put(dataclasses.replace(intent, leaving=True))
        try:
            self._take_down(intent)
        except InUse:
            self._intents.put(dataclasses.replace(intent, leaving=False))
            raise

    def _take_down(self, intent: TargetIntent) -> None:
        """Remove a target and its loop device, and last its intent."""
        target = iscsi.find(intent.iqn)
        if target is not None and target.device in (None, intent.device):
            iscsi.remove(intent.iqn)
        if _is_attached(intent):
            loop.detach(intent.device)
        self._intents.remove(intent)


def _is_attached(intent: TargetIntent) -> bool:
    """Tell whether the loop device of the intent stands on its file."""
    file = loop.backing_file(intent.device)
    return file is not None and file == Path(intent.file).resolve()


def _check_same(intent: TargetIntent) -> None:
    """Raise InvalidRequest unless the file has the exported content."""
    now = image_file.facts_now(intent.name, Path(intent.file))
    if now is None:
        raise InvalidRequest(
            f"{intent.file} cannot be read; put it back, or destroy the target"
        )
    if now.serial != intent.facts.serial:
        raise InvalidRequest(
            f"{intent.file} was changed since it was exported; destroy the "
            "target and create it again, under another name if nodes have it"
        )


def _describe(target: ImageTarget) -> TargetIntent:
    """Return the intent of a target that stands without one."""
    file = loop.backing_file(target.device) or Path("/nowhere")
    served = iscsi.find(target.iqn)
    serial = served.serial or "" if served else ""
    facts = image_file.facts_now(target.image, file)
    if facts is None or facts.serial != serial:
        sectors = max(sysfs.sectors(target.device), 1)
        facts = ImageFacts(sectors, "", serial)
    return TargetIntent(
        target.image, target.iqn, str(file), target.device, facts
    )


def _free_loop(device: str | None) -> str:
    """Return the given loop device if it is free, or else the first free."""
    if device is None:
        return loop.first_free()
    if not loop.is_name(device) or not loop.is_free(device):
        raise InUse(
            f"{quoted(device)} is no free loop device; give another or none, "
            "then the first free one is taken"
        )
    return device
