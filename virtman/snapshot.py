# SPDX-License-Identifier: Apache-2.0
"""``snapshot_<instance>``: one VM's disk, private writes over the image.

Table (``Documentation/admin-guide/device-mapper/snapshot.rst``)::

    0 <S> snapshot <origin> <store> P <chunk sectors>

Persistent (P): the writes outlive the agent and the host's next boot.  What
stands is read back from the kernel: the origin and the store are the
device's slaves.
"""

from __future__ import annotations

from dataclasses import dataclass

from virtman import names, privsep, sysfs
from virtman.blockservice import BlockService, Store
from virtman.drivers import dmsetup
from virtman.exception import VirtmanError
from virtman.names import Role


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
    found = (_instance(device) for device in dmsetup.ours(Role.SNAPSHOT))
    return [instance for instance in found if instance is not None]


class Snapshots:
    """Makes and removes the disks of instances."""

    def __init__(self, stores: BlockService, chunk: int) -> None:
        self._stores = stores
        self._chunk = chunk

    def check(self, device: str | None) -> None:
        """Refuse a copy-on-write device that could not be used."""
        self._stores.check(device)

    def create(self, name: str, image: str, device: str | None) -> Instance:
        """Create a new instance's disk on a deployed image.

        The store's first chunk is wiped: the header of an older snapshot
        there would bring that one's blocks back.
        """
        origin = names.dm_path(Role.ORIGIN, image)
        size = sysfs.sectors(origin)
        store = self._stores.open(name, size, device)
        try:
            privsep.wipe(store.device, self._chunk * sysfs.SECTOR)
            table = (
                f"0 {size} snapshot {origin} {store.device} P {self._chunk}"
            )
            dmsetup.create(Role.SNAPSHOT, name, table)
        except (VirtmanError, OSError):
            self._stores.purge(store)
            raise
        return Instance(name, image)

    def purge(self, instance: Instance) -> None:
        """Remove the disk and, when the agent made it, its store.

        :raises InUse: the VM still runs.
        """
        store = self._store(instance)
        dmsetup.remove(Role.SNAPSHOT, instance.name)
        if store is not None:
            self._stores.purge(store)

    def _store(self, instance: Instance) -> Store | None:
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
