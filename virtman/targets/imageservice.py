# SPDX-License-Identifier: Apache-2.0
"""Image targets: a RAW file on this node, exported for the first readers.

The target itself is made in :mod:`virtman.targets.image_targets`; here it is
published to volt, and again when the file's digest is known.  An agent that
was started again publishes every image target of the host.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from pathlib import Path

from virtman import names
from virtman.conf import Settings
from virtman.coordinator.protocol import Coordinator
from virtman.drivers import iscsi, loop
from virtman.exception import VirtmanError
from virtman.model import ImageFacts, PeerAddress
from virtman.state import files
from virtman.state.intents import Intents
from virtman.targets import image_file
from virtman.targets.digests import Digests, Job
from virtman.targets.image_folders import ImageFolders
from virtman.targets.image_targets import ImageTarget, ImageTargets

LOG = logging.getLogger(__name__)


class ImageService:
    """Creates, removes and lists the image targets of this node."""

    def __init__(
        self, settings: Settings, coordinator: Coordinator, intents: Intents
    ) -> None:
        self._settings = settings
        self._coordinator = coordinator
        self._targets = ImageTargets(
            intents, ImageFolders(settings), settings.closed_targets
        )
        # One message to volt at a time: each must be true when it is sent.
        self._telling = threading.Lock()
        self._unpublished: set[str] = set()
        self._untold_since_start = True
        self._digests = Digests(
            files.digests_folder(settings.state_dir),
            image_file.generation_now,
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
        :raises InUse: the file or the loop device is in use already.
        """
        image = names.image_id(image_name)
        iqn = names.iqn(image, iqn_prefix)
        file = image_file.path_of(file_path)
        target, facts = self._targets.create(image, iqn, file, loop_device)
        with self._telling:
            # If it was destroyed meanwhile, volt knows that already.
            if self._targets.find(image) == target:
                self._publish(target, facts, file)
        return target

    def destroy(self, image_name: str) -> None:
        """Remove an image target; its file is left as it is.

        :raises NotFound: no such target.
        :raises InUse: a node is logged in.
        """
        image = names.image_id(image_name)
        iqn = self._targets.destroy(image)
        self._forget(image, iqn)

    def targets(self) -> list[ImageTarget]:
        """Return every image target of this node, by name."""
        return self._targets.all()

    def adopt(self) -> None:
        """Write the intents of the image targets that have none."""
        self._targets.adopt()

    def recover(self) -> None:
        """Finish an earlier agent's work on targets; for housekeeping."""
        self._targets.recover(self._unpublished.add, self._forget)

    def republish(self) -> None:
        """Publish the images that volt does not know yet; for housekeeping.

        The first call publishes every image target: this agent does not know
        what an earlier one has published, nor what volt still knows.
        """
        if not (self._unpublished or self._untold_since_start):
            return
        targets = self.targets()
        if self._untold_since_start:
            self._unpublished |= {target.image for target in targets}
            self._untold_since_start = False
        for target in targets:
            if target.image in self._unpublished:
                self._publish_again(target.image)

    def stop(self) -> None:
        """Stop computing digests; targets stay."""
        self._digests.stop()

    def _forget(self, image: str, iqn: str) -> None:
        self._digests.forget(image)
        with self._telling:
            self._withdraw(image, iqn)

    def _digest_is_known(self, image: str) -> None:
        self._unpublished.add(image)
        self._publish_again(image)

    def _publish(
        self, target: ImageTarget, facts: ImageFacts, file: Path
    ) -> None:
        digest = self._digests.get(target.image, facts.generation)
        published = dataclasses.replace(facts, digest=digest)
        try:
            self._coordinator.publish(
                self._peer(target.image, target.iqn), published
            )
        except VirtmanError as error:
            if target.image not in self._unpublished:
                LOG.warning(
                    "%s; %s is not published to volt yet", error, target.image
                )
            self._unpublished.add(target.image)
        else:
            self._unpublished.discard(target.image)
        self._digests.want(Job(target.image, file, facts.generation))

    def _publish_again(self, image: str) -> None:
        """Publish an image again, unless its file was changed or removed."""
        with self._telling:
            target = self._targets.find(image)
            served = iscsi.find(target.iqn) if target else None
            if target is None or served is None:
                self._unpublished.discard(image)
                return
            file = loop.backing_file(target.device)
            facts = image_file.facts_now(image, file) if file else None
            if file and facts and served.serial == facts.serial:
                self._publish(target, facts, file)
                return
        LOG.warning(
            "%s is not published to volt: its file was changed or removed "
            "since it was exported; destroy the target and create it again",
            image,
        )
        self._unpublished.discard(image)

    def _withdraw(self, image: str, iqn: str) -> None:
        self._unpublished.discard(image)
        try:
            self._coordinator.withdraw(self._peer(image, iqn))
        except VirtmanError as error:
            LOG.warning("%s; volt still lists %s here", error, image)

    def _peer(self, image: str, iqn: str) -> PeerAddress:
        return PeerAddress(
            image,
            self._settings.host_ip,
            self._settings.iscsi_port,
            iqn,
            iscsi.LUN,
        )
