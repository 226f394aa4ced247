# SPDX-License-Identifier: Apache-2.0
"""``snapshot_<instance>``: one VM's disk, private writes over the image.

Table (``Documentation/admin-guide/device-mapper/snapshot.rst``)::

    0 <S> snapshot <origin> <store> PO <chunk sectors>

Persistent (P): the writes outlive the agent and the host's next boot.  With
overflow (O): in a full store only writes that need room fail, instead of the
whole disk with all that was written.  A standing instance is read back from
the kernel: its origin and its store are the device's slaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from virtman import names, privsep, sysfs
from virtman.drivers import disk, dmsetup, loop
from virtman.exception import VirtmanError
from virtman.instance.blockservice import BlockService, CowDevice
from virtman.instance.remote_store import RemoteStores
from virtman.model import ImageFacts
from virtman.names import Role
from virtman.path import Source
from virtman.state.intents import InstanceIntent


@dataclass(frozen=True)
class Instance:
    """A VM's disk on this node: its name, its image, its device."""

    name: str
    image: str

    @property
    def path(self) -> str:
        """The device that the VM uses."""
        return names.dm_path(Role.SNAPSHOT, self.name)


def find(name: str) -> Instance | None:
    """Return the instance of that name if its device stands."""
    device = dmsetup.find(Role.SNAPSHOT, name)
    return _instance(device) if device else None


def instances() -> list[Instance]:
    """Return every instance on this node, by name."""
    parsed = (_instance(device) for device in dmsetup.ours(Role.SNAPSHOT))
    return [instance for instance in parsed if instance is not None]


def is_attached(intent: InstanceIntent) -> bool:
    """Tell whether the file of an instance's store has a loop device."""
    return bool(intent.file and loop.devices_of(Path(intent.file)))


class Snapshots:
    """Makes and removes the disks of instances, as their intents say."""

    def __init__(
        self, stores: BlockService, chunk: int, remote: RemoteStores
    ) -> None:
        self._stores = stores
        self._chunk = chunk
        self._remote = remote

    def intend_remote(
        self,
        name: str,
        image: str,
        connections: Sequence[Source],
        remote: Source,
        keep: bool | None,
    ) -> InstanceIntent:
        """Return the intent of an instance that writes on a volume.

        What is on the volume is unknown before the login.

        :param keep: None keeps the writes if the volume has any; the volume
            tells that itself, and it is not wiped.
        """
        return InstanceIntent(
            name,
            image,
            tuple(connections),
            fresh=keep is False,
            remote=remote,
            blank=keep is None,
        )

    def intend(
        self,
        name: str,
        image: str,
        connections: Sequence[Source],
        device: str | None,
        keep: bool | None = None,
    ) -> InstanceIntent:
        """Return the intent of an instance that is new here; change nothing.

        :param keep: whether its store has writes to keep; None: the caller
            does not know, so the store must have none.
        :raises VirtmanError: the copy-on-write device could not be used.
        """
        file = self._stores.plan(name, device)
        if keep:
            self._stores.require_writes(name, device, file)
        else:
            self._stores.check(name, device, discard=keep is False)
        return InstanceIntent(
            name,
            image,
            tuple(connections),
            device,
            str(file) if file else None,
            fresh=not keep,
        )

    def describe(
        self, instance: Instance, facts: ImageFacts | None
    ) -> InstanceIntent:
        """Return the intent of an instance that stands without one."""
        store = self._store(instance)
        file = store.file if store else None
        device = store.device if store and not store.own else None
        return InstanceIntent(
            instance.name, instance.image, (), device,
            str(file) if file else None, facts, fresh=False,
        )  # fmt: skip

    def create(self, intent: InstanceIntent) -> Instance:
        """Create a new instance's disk on a deployed image.

        The store's first chunk is wiped: with the header of an older
        snapshot the blocks of that snapshot would come back.
        """
        size = sysfs.sectors(names.dm_path(Role.ORIGIN, intent.image))
        store = self._open(intent, size)
        try:
            privsep.wipe(store.device, self._chunk * sysfs.SECTOR)
            self._stand(intent, store)
        except (VirtmanError, OSError):
            self._stores.purge(store)
            raise
        return Instance(intent.name, intent.image)

    def restore(self, intent: InstanceIntent) -> Instance:
        """Build an instance's disk again, with the writes in its store.

        :raises NotFound: the store, or its writes, are not there any more.
        """
        file = Path(intent.file) if intent.file else None
        device = intent.device
        if intent.remote is not None:
            device = self._remote.open(intent, intent.remote)
        store = self._stores.reopen(intent.name, device, file, intent.blank)
        self._stand(intent, store)
        return Instance(intent.name, intent.image)

    def deactivate(self, intent: InstanceIntent) -> None:
        """Remove an instance's disk; keep its store, detached.

        :raises InUse: the VM still runs; nothing was changed.
        """
        dmsetup.remove(Role.SNAPSHOT, intent.name)
        self._stores.release(Path(intent.file) if intent.file else None)
        self._remote.close(intent)

    def purge(self, intent: InstanceIntent) -> None:
        """Remove an instance's disk, and its store if the agent made it.

        A disk or a store that is not there is no error.

        :raises InUse: the VM still runs; nothing was changed.
        """
        dmsetup.remove(Role.SNAPSHOT, intent.name)
        file = Path(intent.file) if intent.file else None
        if intent.remote is None:
            self._stores.discard(intent.name, intent.device, file)
        self._remote.close(intent)

    def serial(self, intent: InstanceIntent) -> str | None:
        """Return the serial number of the volume under a disk that stands."""
        store = self._store(Instance(intent.name, intent.image))
        if intent.remote is None or store is None:
            return None
        return disk.serial(store.device)

    def _open(self, intent: InstanceIntent, size: int) -> CowDevice:
        if intent.remote is None:
            return self._stores.open(intent.name, size, intent.device)
        device = self._remote.open(intent, intent.remote)
        return self._stores.open(intent.name, size, device)

    def _stand(self, intent: InstanceIntent, store: CowDevice) -> None:
        origin = names.dm_path(Role.ORIGIN, intent.image)
        size = sysfs.sectors(origin)
        table = f"0 {size} snapshot {origin} {store.device} PO {self._chunk}"
        dmsetup.create(Role.SNAPSHOT, intent.name, table)

    def _store(self, instance: Instance) -> CowDevice | None:
        for under in sysfs.slaves(instance.path):
            if dmsetup.by_kernel_name(under) is None:
                return self._stores.of_instance(instance.name, f"/dev/{under}")
        return None


def _instance(device: dmsetup.Device) -> Instance | None:
    for under in sysfs.slaves(device.path):
        below = dmsetup.by_kernel_name(under)
        if below is not None and below.role is Role.ORIGIN:
            return Instance(device.key, below.key)
    return None
