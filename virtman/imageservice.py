# SPDX-License-Identifier: Apache-2.0
"""Image targets: a RAW file on this node, exported for the first readers.

file -> read-only loop device -> tgt, and volt is told, a second time when
the file's digest is known.  Nothing is kept in memory: an image target is a
target of tgt whose serial number is ours and whose disk is a loop device.  So
a restarted agent knows its targets; it tells volt of them again.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from virtman import imagefile, names
from virtman.conf import Settings
from virtman.coordinator import Coordinator, ImageFacts, Seat
from virtman.digests import Digests, Job
from virtman.drivers import iscsi, loop
from virtman.exception import AlreadyExists, InUse, NotFound, VirtmanError

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
        # What is told to volt is true until the next word of it.
        self._telling = threading.Lock()
        self._unpublished: set[str] = set()
        self._untold_since_start = True
        self._digests = Digests(
            settings.state_dir / "digests",
            imagefile.generation_now,
            self._digest_is_known,
        )

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
            file = imagefile.path_of(file_path)
            facts = imagefile.inspect(image, file)
            device = _attach(file, loop_device)
            try:
                tid = iscsi.create(iqn, device, facts.serial)
            except VirtmanError:
                loop.detach(device)
                raise
        target = ImageTarget(image, tid, device, iqn)
        with self._telling:
            # Whoever destroyed it meanwhile has told volt already.
            if self._find(image) == target:
                self._publish(target, facts, file)
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
        self._digests.forget(image)
        with self._telling:
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
        """Tell volt what it could not be told before; for housekeeping.

        The first time of all targets there are: this agent does not know
        what the one before it has told, nor what volt still knows.
        """
        if not (self._unpublished or self._untold_since_start):
            return
        found = self.targets()
        if self._untold_since_start:
            self._unpublished |= {target.image for target in found}
            self._untold_since_start = False
        for target in found:
            if target.image in self._unpublished:
                self._publish_again(target.image)

    def stop(self) -> None:
        """Compute no more digests; targets stay."""
        self._digests.stop()

    def _find(self, image: str) -> ImageTarget | None:
        return next(
            (item for item in self.targets() if item.image == image), None
        )

    def _digest_is_known(self, image: str) -> None:
        self._unpublished.add(image)
        self._publish_again(image)

    def _publish(
        self, target: ImageTarget, facts: ImageFacts, file: Path
    ) -> None:
        known = self._digests.get(target.image, facts.generation)
        told = dataclasses.replace(facts, digest=known)
        try:
            self._coordinator.publish(self._seat(target), told)
        except VirtmanError as error:
            if target.image not in self._unpublished:
                LOG.warning(
                    "%s; %s is not known to volt yet", error, target.image
                )
            self._unpublished.add(target.image)
        else:
            self._unpublished.discard(target.image)
        self._digests.want(Job(target.image, file, facts.generation))

    def _publish_again(self, image: str) -> None:
        """Publish the content that is served, which no other file tells."""
        with self._telling:
            target = self._find(image)
            served = iscsi.find(target.iqn) if target else None
            if target is None or served is None:
                self._unpublished.discard(image)
                return
            file = loop.backing_file(target.device)
            facts = imagefile.facts_now(image, file) if file else None
            if file and facts and served.serial == facts.serial:
                self._publish(target, facts, file)
                return
        LOG.warning(
            "%s is not made known to volt: its file was changed or removed "
            "since it was exported; destroy the target and create it again",
            image,
        )
        self._unpublished.discard(image)

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


def _attach(file: Path, device: str | None) -> str:
    if device is not None and not _is_free_loop(device):
        raise InUse(
            f"{device} is no free loop device; give another or none, then "
            "the first free one is taken"
        )
    return loop.attach(file, readonly=True, device=device)


def _is_free_loop(device: str) -> bool:
    return isinstance(device, str) and loop.is_free(device)
