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

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from virtman import names, privsep, sysfs
from virtman.conf.stores import StoreSettings
from virtman.drivers import disk, dmsetup, loop
from virtman.exception import VirtmanError
from virtman.instance.blockservice import BlockService, CowDevice
from virtman.instance.remote_store import RemoteStores
from virtman.instance.request import DiskRequest, Writes
from virtman.model import ImageFacts
from virtman.names import Role
from virtman.path import Source
from virtman.paths.interfaces import Sessions
from virtman.state.intent import InstanceIntent, InstanceState


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


class Snapshots:
    """Makes and removes the disks of instances, as their intents say."""

    def __init__(self, settings: StoreSettings, sessions: Sessions) -> None:
        self._stores = BlockService(settings)
        self._chunk = settings.snapshot_chunk
        self._remote = RemoteStores(sessions)

    def intend(
        self, request: DiskRequest, intents: Iterable[InstanceIntent]
    ) -> InstanceIntent:
        """Return the intent of an instance that is new here; change nothing.

        :param intents: the instances of this host; none may use the volume.
        :raises VirtmanError: the store cannot be used.
        """
        if request.remote is not None:
            self._remote.require_free(request.remote, intents)
            return self._intend_remote(request, request.remote)
        name, device = request.instance, request.device
        file = self._stores.plan(name, device)
        if request.writes is Writes.KEEP:
            self._stores.require_writes(name, device, file)
        else:
            discard = request.writes is Writes.DISCARD
            self._stores.check(name, device, discard=discard)
        return InstanceIntent(
            name,
            request.image,
            request.connections,
            device,
            str(file) if file else None,
            state=_first_state(request.writes is not Writes.KEEP),
        )

    def _intend_remote(
        self, request: DiskRequest, remote: Source
    ) -> InstanceIntent:
        """Return the intent of an instance that writes on a volume.

        The content of the volume is unknown before the login.  It is wiped
        only if the writes on it may be lost.
        """
        return InstanceIntent(
            request.instance,
            request.image,
            request.connections,
            state=_first_state(request.writes is Writes.DISCARD),
            remote=remote,
            blank=request.writes is Writes.DETECT,
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
            str(file) if file else None, facts, InstanceState.ACTIVE,
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

    def holds_store(self, intent: InstanceIntent) -> bool:
        """Tell whether a store has a session, or its file a loop device."""
        attached = intent.file and loop.devices_of(Path(intent.file))
        return bool(attached) or self._remote.is_open(intent)

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


def _first_state(new: bool) -> InstanceState:
    """Return the state of an instance that is new here.

    :param new: whether its store has no writes to keep.
    """
    return InstanceState.CREATING if new else InstanceState.ACTIVE


def _instance(device: dmsetup.Device) -> Instance | None:
    for under in sysfs.slaves(device.path):
        below = dmsetup.by_kernel_name(under)
        if below is not None and below.role is Role.ORIGIN:
            return Instance(device.key, below.key)
    return None
