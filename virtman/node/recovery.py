# SPDX-License-Identifier: Apache-2.0
"""What a starting agent puts right of what stands since before it.

The kernel says what exists, the names say whose it is, the intents say what
was wanted.  What is whole is adopted, what was wanted is finished, what was
to go goes, and what is ours and nobody wants is removed.  What is not ours is
named in the log and left alone.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from virtman.drivers import dmsetup, orphaned_commands
from virtman.exception import VirtmanError
from virtman.image.services import Services
from virtman.instance import snapshot
from virtman.instance.remote_store import RemoteStores
from virtman.instance.snapshot import Instance
from virtman.inventory import images
from virtman.names import Role
from virtman.node.node import Node
from virtman.state.intents import ImageIntent, InstanceIntent
from virtman.targets.imageservice import ImageService

LOG = logging.getLogger(__name__)

# Images that are put in order side by side: one whose portal hangs must not
# keep the others waiting.
_SIDE_BY_SIDE = 4

# A flashcache group's own devices are resumed by the engine, which knows
# what a table that was loaded and not swapped in means there.
_ROLES = (
    *(Role.MULTIPATH, Role.ENGINE, Role.CACHED),
    *(Role.ORIGIN, Role.SNAPSHOT),
)


def resume_suspended() -> list[str]:
    """Resume our devices that somebody left suspended; return their paths.

    Their readers wait, and nobody else comes.  One that cannot be resumed
    keeps none of the others from it.
    """
    found = []
    for device in dmsetup.ours():
        try:
            if device.role in _ROLES and dmsetup.resume(device):
                LOG.warning("%s was suspended; it is resumed", device.path)
                found.append(device.path)
        except VirtmanError as error:
            LOG.error("%s stays suspended: %s", device.path, error)
    return found


class Recovery:
    """Puts a node in order: wholly at the start, then what could not be."""

    def __init__(
        self, node: Node, images: ImageService, services: Services
    ) -> None:
        self._node = node
        self._images = images
        self._services = services
        self._said: dict[str, str] = {}
        self._guard = threading.Lock()

    def begin(self) -> None:
        """Read what was wanted, and note what stands without an intent.

        Quick, and before anybody is served.
        """
        orphaned_commands.wait_for_commands()
        resume_suspended()
        self._services.intents.load()
        for name in images.foreign_devices():
            LOG.warning(
                "the device %s has one of our names and is not ours; it is "
                "left alone", name,
            )  # fmt: skip
        self._safely("image targets", self._images.adopt)
        for instance in self._node.instances():
            if (
                self._services.intents.get(InstanceIntent, instance.name)
                is None
            ):
                self._adopt(instance)

    def first(self) -> None:
        """Put everything in order; what nobody wants goes, too."""
        self.turn()
        for image in sorted(self._unwanted()):
            self._safely(image, self._node.image(image).clear)

    def turn(self) -> None:
        """Put in order what is not yet; what fails is tried again."""
        self._images.recover()
        wanted = self._services.intents.all(InstanceIntent)
        images = {item.image for item in wanted}
        images |= {i.name for i in self._services.intents.all(ImageIntent)}
        todo = [image for image in sorted(images) if self._is_open(image)]
        if not todo:
            return
        with ThreadPoolExecutor(_SIDE_BY_SIDE, "recovery") as pool:
            list(pool.map(self._image, todo))

    def _is_open(self, image: str) -> bool:
        """Tell whether anything of an image is still to be put in order."""
        known = self._services.intents.get(ImageIntent, image) is not None
        deployed = self._node.image(image).base.deployed
        return (known and not deployed) or bool(self._open_instances(image))

    def _open_instances(self, image: str) -> list[InstanceIntent]:
        standing = {item.name for item in self._node.instances()}
        return [
            intent
            for intent in self._services.intents.on_image(image)
            if not self._is_settled(intent, intent.name in standing)
        ]

    def _is_settled(self, intent: InstanceIntent, stands: bool) -> bool:
        """Tell whether an instance is as it is wanted."""
        if intent.leaving or intent.fresh:
            return False
        if intent.active:
            # Of one that was taken up the content is noted last.
            return stands and intent.facts is not None
        held = RemoteStores(self._services.sessions).is_open(intent)
        return not (stands or held or snapshot.is_attached(intent))

    def _image(self, image: str) -> None:
        """Take away what was to go, take up the stack, then the rest."""
        coming: list[InstanceIntent] = []
        going: list[InstanceIntent] = []
        for item in self._open_instances(image):
            stays = item.active and not item.leaving
            (coming if stays else going).append(item)
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
                    "%s stands and nothing is known of its image; it is left "
                    "as it is, and will not come back after a boot",
                    instance.path,
                )

        self._safely(instance.name, adopt)

    def _unwanted(self) -> set[str]:
        """Return the images of which there is something, for nobody."""
        intents = self._services.intents
        instances = intents.all(InstanceIntent)
        wanted = {item.image for item in instances if item.active}
        wanted |= {item.name for item in intents.all(ImageIntent)}
        wanted |= {item.image for item in self._node.instances()}
        return images.list_images(self._services.engine) - wanted

    def _safely(self, what: str, work: Callable[[], object]) -> None:
        """Do a piece of work; say once, not at each try, why it failed."""
        try:
            work()
        except VirtmanError as error:
            with self._guard:
                new = self._said.get(what) != str(error)
                self._said[what] = str(error)
            if new:
                LOG.error("%s is not in order yet: %s", what, error)
        except Exception:
            LOG.exception("%s is not in order yet", what)
        else:
            with self._guard:
                self._said.pop(what, None)
