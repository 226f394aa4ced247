# SPDX-License-Identifier: Apache-2.0
"""Recovery: a starting agent brings the host in line with the intents.

The kernel says what exists, the names say whose it is, the intents say what
was wanted.  Whole resources are adopted, unfinished creations and removals
are finished, and orphans are removed.  Foreign devices are named in the log
and left alone.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from virtman.drivers import dmsetup, orphaned_commands
from virtman.exception import VirtmanError
from virtman.image.services import Services
from virtman.instance.snapshot import Instance
from virtman.inventory import images
from virtman.log_once import LogOnce
from virtman.names import Role
from virtman.node.node import Node
from virtman.state.intent import ImageIntent, InstanceIntent, InstanceState
from virtman.targets.imageservice import ImageService
from virtman.targets.store_targets import StoreTargets

LOG = logging.getLogger(__name__)

# How many images are recovered at once: one whose portal hangs must not keep
# the others waiting.
_SIDE_BY_SIDE = 4

# A flashcache group's own devices are resumed by the engine, which knows
# what a table that was loaded and not swapped in means there.
_ROLES = (
    *(Role.MULTIPATH, Role.ENGINE, Role.CACHED),
    *(Role.ORIGIN, Role.SNAPSHOT),
)


def resume_suspended() -> list[str]:
    """Resume the agent's devices that were left suspended; return them.

    Their readers wait, and no other program would resume them.  A device
    that cannot be resumed does not stop the others.

    :returns: the paths of the devices that were suspended.
    """
    resumed = []
    for device in dmsetup.ours():
        try:
            if device.role in _ROLES and dmsetup.resume(device):
                LOG.warning("%s was suspended; it is resumed", device.path)
                resumed.append(device.path)
        except VirtmanError as error:
            LOG.error("%s stays suspended: %s", device.path, error)
    return resumed


class Recovery:
    """Recovers a node at the start; later, again what failed then."""

    def __init__(
        self,
        node: Node,
        images: ImageService,
        stores: StoreTargets,
        services: Services,
    ) -> None:
        self._node = node
        self._images = images
        self._stores = stores
        self._services = services
        self._logged = LogOnce()

    def begin(self) -> None:
        """Load the intents, and write those of instances without one.

        It is quick, and done before the agent answers calls.
        """
        # A killed agent's commands may still be changing the host.
        orphaned_commands.wait_for_commands()
        resume_suspended()
        self._services.intents.load()
        for name in images.foreign_devices():
            LOG.warning(
                "the device %s has a name of the agent and another UUID; it "
                "is left alone", name,
            )  # fmt: skip
        self._safely("image targets", self._images.adopt)
        for instance in self._node.instances():
            if (
                self._services.intents.get(InstanceIntent, instance.name)
                is None
            ):
                self._adopt(instance)

    def first(self) -> None:
        """Recover every image and instance; then remove orphaned images."""
        self.turn()
        for image in sorted(self._unwanted()):
            self._safely(image, self._node.image(image).clear)

    def turn(self) -> None:
        """Recover what is not in order yet; the next turn retries failures."""
        self._images.recover()
        self._stores.recover()
        wanted = self._services.intents.all(InstanceIntent)
        images = {item.image for item in wanted}
        images |= {i.name for i in self._services.intents.all(ImageIntent)}
        todo = [image for image in sorted(images) if self._is_open(image)]
        if not todo:
            return
        with ThreadPoolExecutor(_SIDE_BY_SIDE, "recovery") as pool:
            list(pool.map(self._image, todo))

    def _is_open(self, image: str) -> bool:
        """Tell whether an image, or an instance on it, is to be recovered."""
        wanted = self._services.intents.get(ImageIntent, image) is not None
        deployed = self._node.image(image).deployed
        return (wanted and not deployed) or bool(self._open_instances(image))

    def _open_instances(self, image: str) -> list[InstanceIntent]:
        standing = {item.name for item in self._node.instances()}
        return [
            intent
            for intent in self._services.intents.on_image(image)
            if not self._is_settled(intent, intent.name in standing)
        ]

    def _is_settled(self, intent: InstanceIntent, stands: bool) -> bool:
        """Tell whether an instance is in the state that its intent wants."""
        if intent.state in (InstanceState.CREATING, InstanceState.DELETING):
            return False
        if intent.state is InstanceState.ACTIVE:
            # The facts are the last to be noted of a store that another host
            # has written on.
            return stands and intent.facts is not None
        return not (stands or self._services.snapshots.holds_store(intent))

    def _image(self, image: str) -> None:
        """Settle the instances to remove, then the stack, then the others."""
        coming: list[InstanceIntent] = []
        going: list[InstanceIntent] = []
        for item in self._open_instances(image):
            (coming if item.state.wants_disk else going).append(item)
        self._settle(going)
        self._safely(image, self._node.image(image).recover)
        self._settle(coming)

    def _settle(self, intents: Iterable[InstanceIntent]) -> None:
        for intent in intents:
            work = functools.partial(self._node.settle, intent.name)
            self._safely(intent.name, work)

    def _adopt(self, instance: Instance) -> None:
        def adopt() -> None:
            if not self._node.image(instance.image).adopt(instance):
                LOG.warning(
                    "%s stands, but the facts of its image are unknown; it is "
                    "left as it is, and will not be restored after a boot",
                    instance.path,
                )

        self._safely(instance.name, adopt)

    def _unwanted(self) -> set[str]:
        """Return the images here that no intent and no instance needs."""
        intents = self._services.intents
        instances = intents.all(InstanceIntent)
        wanted = {item.image for item in instances if item.state.wants_disk}
        wanted |= {item.name for item in intents.all(ImageIntent)}
        wanted |= {item.image for item in self._node.instances()}
        return images.list_images(self._services.engine) - wanted

    def _safely(self, name: str, work: Callable[[], object]) -> None:
        """Do the work on an object; log a reason of failure only once."""
        try:
            work()
        except VirtmanError as error:
            if self._logged.is_new(name, error):
                LOG.error("%s is not recovered yet: %s", name, error)
        except Exception:
            LOG.exception("%s is not recovered yet", name)
        else:
            self._logged.forget(name)
