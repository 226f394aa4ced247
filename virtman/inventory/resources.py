# SPDX-License-Identifier: Apache-2.0
"""Lists the agent's resources on this host, and what each belongs to.

Each call looks for them anew, by their names and by the files in the agent's
own folders; nothing is changed.  A resource is wanted by an intent, or by a
standing instance, which wants its image; the others are orphans.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from virtman import names, sysfs
from virtman.cache.engine import CacheEngine
from virtman.conf import Settings
from virtman.drivers import dmsetup, iscsi, loop, processes, sessions, udev
from virtman.drivers import storage_daemon as daemon
from virtman.exception import CommandError
from virtman.instance import snapshot
from virtman.names import Role
from virtman.state import files
from virtman.state.intent import (
    ImageIntent,
    InstanceIntent,
    Intent,
    StoreIntent,
    TargetIntent,
)

_DISK_OF_AN_IMAGE = (".data", ".qcow2")


class ResourceOwner(enum.Enum):
    """The kind of object that a resource is a part of."""

    INSTANCE = "instance"
    IMAGE = "image"
    TARGET = "target"
    STORE = "store"
    GROUP = "group"
    AGENT = "agent"


@dataclass(frozen=True, order=True)
class Resource:
    """One resource on the host: a device, a session, a file and so on.

    :param name: the name that tools print.
    :param of: the key of the image, instance or store that it is a part of.
    """

    kind: str
    name: str
    owner: ResourceOwner
    of: str


def list_resources(
    settings: Settings, engine: CacheEngine, intents: Sequence[Intent]
) -> list[Resource]:
    """Return each resource of the agent on this host, once."""
    targets = _served()
    listed = [
        *_devices(),
        *_targets(targets),
        *_sessions(intents),
        *_connections(),
        *_loops(settings, intents, targets),
        *_daemons(settings),
        *_files(settings, engine),
        *_agents_files(settings),
    ]
    return list(dict.fromkeys(listed))


def orphans(
    resources: Iterable[Resource], intents: Iterable[Intent]
) -> list[Resource]:
    """Return the resources that no intent and no standing instance wants."""
    standing = snapshot.instances()
    wanted = {(ResourceOwner.IMAGE, item.image) for item in standing}
    for intent in intents:
        match intent:
            case InstanceIntent():
                wanted.add((ResourceOwner.INSTANCE, intent.name))
                wanted.add((ResourceOwner.IMAGE, intent.image))
            case ImageIntent():
                wanted.add((ResourceOwner.IMAGE, intent.name))
            case TargetIntent():
                wanted.add((ResourceOwner.TARGET, intent.name))
            case StoreIntent():
                wanted.add((ResourceOwner.STORE, intent.name))
    if any(owner is ResourceOwner.IMAGE for owner, _ in wanted):
        wanted.add((ResourceOwner.GROUP, ""))
    wanted.add((ResourceOwner.AGENT, ""))
    return [item for item in resources if (item.owner, item.of) not in wanted]


def served() -> list[iscsi.Target]:
    """Return the targets of tgtd that belong to the agent."""
    return [item for item in _served() if _owner(item) is not None]


def _served() -> list[iscsi.Target]:
    """Return every target of tgtd; an empty list if tgtd does not run."""
    try:
        return iscsi.targets()
    except CommandError:
        if processes.named("tgtd"):
            raise
        return []


def _owner(target: iscsi.Target) -> tuple[ResourceOwner, str] | None:
    """Return the owner and the key of a target; None if it is foreign.

    The agent's targets serve one of its caches, or, with a serial number of
    the agent's, an image's file or a store.
    """
    device = target.device or ""
    key = device.removeprefix(names.dm_path(Role.CACHED, ""))
    if key != device and device in {
        item.path for item in dmsetup.ours(Role.CACHED)
    }:
        return ResourceOwner.IMAGE, key
    if target.image and device.startswith("/dev/loop"):
        return ResourceOwner.TARGET, target.image
    return (ResourceOwner.STORE, target.store) if target.store else None


def _devices() -> Iterator[Resource]:
    owners = {
        Role.SNAPSHOT: ResourceOwner.INSTANCE,
        Role.ORIGIN: ResourceOwner.IMAGE,
        Role.CACHED: ResourceOwner.IMAGE,
        Role.ENGINE: ResourceOwner.IMAGE,
        Role.MULTIPATH: ResourceOwner.IMAGE,
    }
    for item in dmsetup.ours():
        owner = owners.get(item.role, ResourceOwner.GROUP)
        of = "" if owner is ResourceOwner.GROUP else item.key
        yield Resource("device", item.path, owner, of)


def _targets(targets: Iterable[iscsi.Target]) -> Iterator[Resource]:
    for item in targets:
        owner = _owner(item)
        if owner is not None:
            yield Resource("target", item.iqn, *owner)


def _sessions(intents: Sequence[Intent]) -> Iterator[Resource]:
    for iqn in sorted(sessions.targets()):
        image = names.parse_iqn(iqn) or ""
        yield Resource("session", iqn, ResourceOwner.IMAGE, image)
    instance_of = {
        intent.remote.iqn: intent.name
        for intent in intents
        if isinstance(intent, InstanceIntent) and intent.remote
    }
    for iqn in sorted(sessions.stores()):
        key = instance_of.get(iqn) or names.parse_store_iqn(iqn) or ""
        yield Resource("session", iqn, ResourceOwner.INSTANCE, key)


def _connections() -> Iterator[Resource]:
    """Yield the NBD devices under the caches of this node."""
    for item in dmsetup.ours(Role.ENGINE):
        for under in sysfs.slaves(item.path):
            if under.startswith("nbd"):
                yield Resource(
                    "nbd", f"/dev/{under}", ResourceOwner.IMAGE, item.key
                )


def _loops(
    settings: Settings,
    intents: Sequence[Intent],
    targets: Iterable[iscsi.Target],
) -> Iterator[Resource]:
    """Yield the loop devices on caches, on stores and on exported files."""
    stores = {
        Path(intent.file): intent.name
        for intent in intents
        if isinstance(intent, InstanceIntent) and intent.file
    }
    exported = {
        (intent.device, Path(intent.file).resolve()): intent.name
        for intent in intents
        if isinstance(intent, TargetIntent)
    }
    served = {t.device: of for t in targets if (of := _owner(t)) is not None}
    for device, file in loop.attached():
        if file.parent == settings.cache_dir and file.suffix == ".data":
            yield Resource("loop", device, ResourceOwner.IMAGE, file.stem)
        elif files.is_cow_store(file, settings.snapshot_dir):
            yield Resource("loop", device, ResourceOwner.INSTANCE, file.stem)
        elif file in stores:
            yield Resource(
                "loop", device, ResourceOwner.INSTANCE, stores[file]
            )
        elif (device, file) in exported:
            key = exported[device, file]
            yield Resource("loop", device, ResourceOwner.TARGET, key)
        elif device in served:
            yield Resource("loop", device, *served[device])


def _daemons(settings: Settings) -> Iterator[Resource]:
    for pid, overlay in daemon.running(settings.cache_dir):
        name = f"qemu-storage-daemon ({pid})"
        yield Resource("process", name, ResourceOwner.IMAGE, overlay.stem)


def _files(settings: Settings, engine: CacheEngine) -> Iterator[Resource]:
    for file in _glob(settings.cache_dir, "*"):
        if file.suffix in _DISK_OF_AN_IMAGE:
            yield Resource("file", str(file), ResourceOwner.IMAGE, file.stem)
    image_of = {names.short(image): image for image in engine.kept()}
    for suffix in ("nbd", "pid", "device"):
        for file in _glob(settings.run_dir, f"{'[0-9a-f]' * 16}.{suffix}"):
            of = image_of.get(file.stem, "")
            yield Resource("file", str(file), ResourceOwner.IMAGE, of)
    for folder, owner in (
        (settings.snapshot_dir, ResourceOwner.INSTANCE),
        (settings.store_dir, ResourceOwner.STORE),
    ):
        for key, file in sorted(files.cow_stores(folder).items()):
            yield Resource("file", str(file), owner, key)


def _agents_files(settings: Settings) -> Iterator[Resource]:
    """Yield the files that describe other resources, and those of the agent.

    They are wanted as long as the agent is.
    """
    folders = {
        files.intents_folder(settings.state_dir): (
            "*.json",
            "*.broken",
            "*.new",
        ),
        files.digests_folder(settings.state_dir): ("*.json", "*.new"),
        settings.state_dir: (
            "admission.json",
            "admission.json.new",
            "admission.new",
        ),
        files.locks_folder(settings.run_dir): ("*",),
        udev.FOLDER: (udev.NAME,),
        # Left by an agent that was killed.
        settings.local_socket.parent: (settings.local_socket.name,),
    }
    for folder, patterns in folders.items():
        for pattern in patterns:
            for file in _glob(folder, pattern):
                yield Resource("file", str(file), ResourceOwner.AGENT, "")


def _glob(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))
