# SPDX-License-Identifier: Apache-2.0
"""Removes everything of the agent from this host, and nothing else.

From the top: the instances, the image targets, each image's stack with its
cache and its sessions, then the files that describe them.  A part that cannot
be removed does not stop the others, and a purge may be repeated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from virtman import sysfs
from virtman.cache.flashcache.devices import TOP_DOWN, Devices
from virtman.drivers import (
    access,
    dmsetup,
    iscsi,
    loop,
    orphaned_commands,
    sessions,
    udev,
)
from virtman.exception import VirtmanError
from virtman.image.orphan import OrphanedStack
from virtman.image.services import Services
from virtman.instance import snapshot
from virtman.inventory import images, resources
from virtman.inventory.resources import Resource, ResourceOwner
from virtman.names import Role
from virtman.state import files, intents
from virtman.state.intent import (
    ImageIntent,
    InstanceIntent,
    InstanceState,
    StoreIntent,
    TargetIntent,
)
from virtman.targets.image_folders import ImageFolders
from virtman.targets.image_targets import ImageTargets
from virtman.targets.store_grants import StoreGrants
from virtman.targets.store_targets import StoreTargets

T = TypeVar("T")
_HAVE_DATA = (ResourceOwner.INSTANCE, ResourceOwner.STORE)
_INTENTS_WITH_DATA = (f"{InstanceIntent.kind}.", f"{StoreIntent.kind}.")


class Purge:
    """The purge of one host; the agent must be stopped meanwhile.

    :param keep_data: keep the writes of VMs and their intents: the next
        agent builds those instances again.
    """

    def __init__(self, services: Services, *, keep_data: bool = False) -> None:
        self._services = services
        self._settings = services.settings
        self._targets = ImageTargets(
            services.intents, ImageFolders(services.settings)
        )
        self._stores = StoreTargets(
            services.settings,
            services.intents,
            StoreGrants(services.intents),
        )
        self._keep_data = keep_data
        self._errors: list[str] = []

    def list_resources(self) -> list[Resource]:
        """Return the resources of the agent on this host now."""
        folder = files.intents_folder(self._settings.state_dir)
        wanted = intents.peek(folder)
        return resources.list_resources(
            self._settings, self._services.engine, wanted
        )

    def keeps(self, resource: Resource) -> bool:
        """Tell whether a resource is kept, as data or as its intent."""
        store = resource.kind == "file" and resource.owner in _HAVE_DATA
        intent = Path(resource.name).name.startswith(_INTENTS_WITH_DATA)
        return self._keep_data and (
            store or (resource.owner is ResourceOwner.AGENT and intent)
        )

    def run(self) -> list[str]:
        """Remove everything of the agent; return the errors, a line each.

        :raises LayerError: tgtd does not answer; nothing was changed.
        """
        iscsi.check()
        orphaned_commands.wait_for_helpers()
        orphaned_commands.wait_for_commands()
        self._services.intents.load()
        self._errors = []
        # From the top: a device cannot be removed while another stands on it.
        self._each(self._instances(), self._remove_instance)
        self._each(self._exported(), self._targets.destroy)
        self._each(self._opened(), self._remove_store)
        self._each(resources.served(), _withdraw)
        self._each(access.strays(), access.remove_stray)
        self._each(dmsetup.ours(), _stop_waiting)
        self._each(self._images(), self._remove_image)
        self._each(self._groups(), Devices.remove)
        iqns = sessions.targets() | sessions.stores()
        self._each(sorted(iqns), self._logout)
        self._sweep()
        return self._errors

    def _each(self, items: Iterable[T], work: Callable[[T], object]) -> None:
        """Do the work for each item; collect the errors."""
        for item in items:
            try:
                work(item)
            except (VirtmanError, OSError) as error:
                self._errors.append(str(error))

    def _instances(self) -> list[str]:
        """Return the instances that have a disk, an intent or a store."""
        keys = {device.key for device in dmsetup.ours(Role.SNAPSHOT)}
        keys |= {i.name for i in self._services.intents.all(InstanceIntent)}
        return sorted(
            keys | set(files.cow_stores(self._settings.snapshot_dir))
        )

    def _exported(self) -> list[str]:
        """Return the images of the image targets, standing or wanted."""
        standing = {target.image for target in self._targets.all()}
        wanted = self._services.intents.all(TargetIntent)
        return sorted(standing | {intent.name for intent in wanted})

    def _opened(self) -> list[str]:
        """Return the server stores that have an intent or a file."""
        wanted = {i.name for i in self._services.intents.all(StoreIntent)}
        return sorted(wanted | set(files.cow_stores(self._settings.store_dir)))

    def _remove_store(self, store: str) -> None:
        if self._keep_data:
            self._stores.take_down(store)
        else:
            self._stores.delete(store)

    def _images(self) -> list[str]:
        wanted = self._services.intents.all(ImageIntent)
        standing = images.list_images(self._services.engine)
        return sorted(standing | {intent.name for intent in wanted})

    def _groups(self) -> list[Devices]:
        """Return the flashcache group, if any of it stands."""
        roles = {device.role for device in dmsetup.ours()}
        stands = roles.intersection(TOP_DOWN)
        return [Devices(self._settings)] if stands else []

    def _remove_instance(self, name: str) -> None:
        stored = self._services.intents.get(InstanceIntent, name)
        intent = stored or self._describe(name)
        # A disk that no caller was told of has no data to keep.
        if self._keep_data and intent.state.has_data:
            dmsetup.remove(Role.SNAPSHOT, name)
            for device in loop.devices_of(Path(intent.file or "")):
                loop.detach(device)
            return
        self._services.snapshots.purge(intent)
        self._services.intents.remove(intent)

    def _describe(self, name: str) -> InstanceIntent:
        """Return an intent for an instance, or a store, that has none."""
        standing = snapshot.find(name)
        if standing is not None:
            return self._services.snapshots.describe(standing, None)
        file = files.cow_store(self._settings.snapshot_dir, name)
        return InstanceIntent(
            name, "", file=str(file), state=InstanceState.ACTIVE
        )

    def _remove_image(self, image: str) -> None:
        OrphanedStack(image, self._services).clear()

    def _logout(self, iqn: str) -> None:
        """Log out of a target, such as one with another prefix in its name."""
        for path in self._services.sessions.standing(iqn):
            self._services.sessions.disconnect(path)

    def _sweep(self) -> None:
        """Remove loop devices and files that nothing needs any more."""
        leftovers = [
            resource
            for resource in self.list_resources()
            if not self.keeps(resource)
        ]
        self._each([t for t in leftovers if t.kind == "loop"], _detach)
        busy = {
            (t.owner, t.of) for t in self.list_resources() if t.kind != "file"
        }
        idle = [
            resource
            for resource in leftovers
            if resource.kind == "file"
            and (resource.owner, resource.of) not in busy
            # The files that describe resources stay until the last of those
            # is gone: by them a second purge finds the rest.
            and not (resource.owner is ResourceOwner.AGENT and busy)
        ]
        self._each(idle, _unlink)
        self._remove_folders()

    def _remove_folders(self) -> None:
        options = self._settings
        for folder in (
            files.intents_folder(options.state_dir),
            files.digests_folder(options.state_dir),
            files.locks_folder(options.run_dir),
            options.cache_dir,
            options.snapshot_dir,
            options.store_dir,
            options.run_dir,
            options.state_dir,
        ):
            # A folder that is not empty has foreign files, or kept data.
            with contextlib.suppress(OSError):
                folder.rmdir()


def _withdraw(target: iscsi.Target) -> None:
    """Remove a target that has no intent, be it half made."""
    iscsi.remove(target.iqn)
    device = target.device or ""
    if loop.backing_file(device) is not None:
        loop.detach(device)


def _stop_waiting(device: dmsetup.Device) -> None:
    """Resume a device, and let its reads fail while no path lives.

    A storage daemon does not end as long as one of its reads waits.
    """
    dmsetup.resume(device)
    if device.role in (Role.MULTIPATH, Role.ENGINE):
        dmsetup.message(device, "fail_if_no_path")


def _detach(resource: Resource) -> None:
    """Detach a loop device of a cache or a store, unless it is in use.

    The loop device of an image target is detached with its target.
    """
    if resource.owner is not ResourceOwner.TARGET and not sysfs.holders(
        resource.name
    ):
        loop.detach(resource.name)


def _unlink(resource: Resource) -> None:
    if Path(resource.name) == udev.FOLDER / udev.NAME:
        udev.remove()
    else:
        Path(resource.name).unlink(missing_ok=True)
