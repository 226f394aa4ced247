# SPDX-License-Identifier: Apache-2.0
"""The typed verbs of a compute node, behind every door.

To create an instance that exists, or to destroy one that does not, is no
error: the answer says whether anything changed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from virtman import names
from virtman.drivers import iscsi
from virtman.exception import (
    AlreadyExists,
    InvalidRequest,
    NoSpace,
    VirtmanError,
)
from virtman.image.image import Image
from virtman.image.services import Services
from virtman.instance import cow_usage, snapshot
from virtman.instance.cow_usage import State
from virtman.instance.request import DiskRequest
from virtman.instance.snapshot import Instance
from virtman.model import Assignment, PeerReport
from virtman.node.locks import NameLocks
from virtman.path import Source
from virtman.state.intent import InstanceIntent, InstanceState

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Creation:
    """An instance that stands, and whether this call made it."""

    instance: Instance
    created: bool


class Node:
    """The images and instances of this host."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guard = threading.Lock()
        self._images: dict[str, Image] = {}
        self._names = NameLocks()

    def create(self, request: DiskRequest) -> Creation:
        """Make an instance's disk; deploy its image if it is not.

        A deactivated instance comes back with its writes.

        :raises AlreadyExists: an instance of that name is another image's.
        :raises NotFound: there are no writes to keep.
        :raises InUse: there are writes, and the request says neither that
            they are kept nor that they may be lost.
        """
        name = names.check_key("instance", request.instance)
        image = names.image_id(request.image)
        request = replace(request, image=image)
        with self._names.hold(name):
            standing = self._standing(name)
            if standing is not None:
                _require_same(name, standing.image, image)
                return Creation(standing, created=False)
            intent = self._services.intents.get(InstanceIntent, name)
            instance = (
                self._create(request)
                if intent is None
                else self._activate(intent, request)
            )
        LOG.info("instance %s on %s: %s", name, image, instance.path)
        return Creation(instance, created=True)

    def deactivate(self, instance_name: str) -> bool:
        """Take an instance's disk away and keep what the VM has written.

        :returns: whether the disk was there.
        :raises InUse: the VM still runs.
        """
        name = names.check_key("instance", instance_name)
        with self._names.hold(name):
            standing = self._standing(name)
            if standing is None:
                return False
            instances = self.image(standing.image).instances
            instances.deactivate(instances.describe(standing))
        LOG.info("instance %s is deactivated; its data stays", name)
        return True

    def destroy(self, instance_name: str) -> bool:
        """Remove an instance and its data; return whether it was there.

        The image stays until housekeeping finds it without instances.
        """
        name = names.check_key("instance", instance_name)
        with self._names.hold(name):
            standing = snapshot.find(name)
            intent = self._services.intents.get(InstanceIntent, name)
            if standing is not None:
                instances = self.image(standing.image).instances
                instances.destroy(instances.describe(standing))
            elif intent is not None:
                self.image(intent.image).instances.destroy(intent)
            else:
                return False
        LOG.info("instance %s is destroyed", name)
        return True

    def settle(self, name: str) -> None:
        """Finish or undo the work of an earlier agent on an instance.

        Nothing is done while a caller's verb works on the instance.
        """
        with self._names.try_hold(name) as held:
            intent = self._services.intents.get(InstanceIntent, name)
            if held and intent is not None:
                self.image(intent.image).instances.settle(intent)

    def instances(self) -> list[Instance]:
        """Return every instance that has its disk, by name."""
        return snapshot.instances()

    def inactive(self) -> list[Instance]:
        """Return every deactivated instance, by name: writes and no disk."""
        return [
            Instance(intent.name, intent.image)
            for intent in self._services.intents.all(InstanceIntent)
            if intent.state is InstanceState.INACTIVE
        ]

    def broken_stores(self) -> dict[str, State]:
        """Return the state of each full or invalid store, by instance."""
        try:
            usage_of = cow_usage.usages(self._services.settings.snapshot_chunk)
        except VirtmanError as error:
            LOG.warning("the fill of the COW stores is unknown: %s", error)
            return {}
        return {
            name: fill.state
            for name, fill in usage_of.items()
            if fill.state is not State.FINE
        }

    def images(self) -> list[Image]:
        """Return every image this agent has deployed or tried to."""
        with self._guard:
            return list(self._images.values())

    def collect(self) -> None:
        """Remove the images that no instance and no child uses."""
        for image in self.images():
            try:
                image.remove_if_idle()
            except VirtmanError as error:
                LOG.warning("%s is not removed: %s", image.name, error)

    def serve_again(self) -> None:
        """Export the images again that a restarted tgtd has lost."""
        peers = {image: image.peer for image in self.images()}
        wanted = {image: peer.iqn for image, peer in peers.items() if peer}
        served = {target.iqn for target in iscsi.targets()} if wanted else ()
        for image, iqn in wanted.items():
            if iqn not in served:
                image.complete()

    def reports(self) -> list[PeerReport]:
        """Return this node's peers and their failed sources, for a beat."""
        reports = (image.beat_report for image in self.images())
        return [report for report in reports if report is not None]

    def look(self, deep: Container[str]) -> None:
        """Check which sources of all images failed or are back.

        :param deep: the images whose devices are to be asked too.
        """
        for image in self.images():
            try:
                image.look(image.name in deep)
            except VirtmanError as error:
                LOG.warning(
                    "%s: its paths could not be checked: %s", image.name, error
                )

    def reassign(self, assignments: Mapping[str, Assignment]) -> None:
        """Apply volt's answer to a heartbeat: assignments by peer id.

        volt answers now, so images that have no place yet ask for one.
        """
        for image in self.images():
            try:
                image.follow(assignments)
            except VirtmanError as error:
                LOG.warning("%s", error)

    def close(self) -> None:
        """Stop the threads; every device, session and target stays."""
        for image in self.images():
            image.close()
        self._services.engine.close()

    def image(self, name: str) -> Image:
        """Return the image of that key, deployed or not."""
        with self._guard:
            if name not in self._images:
                self._images[name] = Image(name, self._services)
            return self._images[name]

    def _create(self, request: DiskRequest) -> Instance:
        """Make an instance; remove idle images while there is no room."""
        servers = request.connections or self._servers(request.image)
        request = replace(request, connections=servers)
        while True:
            try:
                return self.image(request.image).instances.create(request)
            except NoSpace:
                if not self._make_room(request.image):
                    raise

    def _activate(
        self, intent: InstanceIntent, request: DiskRequest
    ) -> Instance:
        _require_same(intent.name, intent.image, request.image)
        if request.connections:
            intent = replace(intent, connections=request.connections)
        if request.remote is not None and intent.remote == request.remote:
            # The same volume may ask for another login by now.
            intent = replace(intent, remote=request.remote)
        self.image(intent.image).instances.activate(intent)
        return Instance(intent.name, intent.image)

    def _servers(self, image: str) -> tuple[Source, ...]:
        """Ask volt for the image servers of an image.

        :raises VoltAway: it does not answer.
        """
        servers = self._services.coordinator.servers(image)
        if not servers:
            raise InvalidRequest(
                f"no image server is named for {image}, and volt knows none; "
                "export the image first, or name its image server"
            )
        return servers

    def _make_room(self, wanted: str) -> bool:
        """Remove the image that has been idle the longest; return whether.

        Housekeeping would remove it a little later.
        """
        others = [i for i in self.images() if i.name != wanted]
        for image in sorted(others, key=lambda item: item.instances.last_used):
            try:
                if image.remove_if_idle():
                    LOG.info(
                        "%s is removed, to make room for %s",
                        image.name,
                        wanted,
                    )
                    return True
            except VirtmanError as error:
                LOG.warning("%s is not removed: %s", image.name, error)
        return False

    def _standing(self, name: str) -> Instance | None:
        """Return the instance of a name if it stands; settle it first."""
        intent = self._services.intents.get(InstanceIntent, name)
        if intent is not None:
            instances = self.image(intent.image).instances
            if intent.state.has_data:
                instances.settle(intent)
            else:
                # No caller was told of it, or it was to be removed.
                instances.destroy(intent)
        return snapshot.find(name)


def _require_same(name: str, has: str, wanted: str) -> None:
    """Refuse an instance that is on another image than the wanted one."""
    if has != wanted:
        raise AlreadyExists(
            f"the instance {name} is one of {has}, not of {wanted}; destroy "
            "it first, or choose another name"
        )
