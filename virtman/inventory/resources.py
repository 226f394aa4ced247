# SPDX-License-Identifier: Apache-2.0
"""Everything of ours on this host, thing by thing, and whose each is.

Found anew each time, by names and by files in the agent's own folders;
nothing is changed.  Whoever wants a thing is in the intents, or stands: an
instance wants its image.
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
from virtman.state.intents import (
    ImageIntent,
    InstanceIntent,
    Intent,
    StoreIntent,
    TargetIntent,
)

_DISK_OF_AN_IMAGE = (".data", ".qcow2")


class Owner(enum.Enum):
    """What kind of thing a belonging is a part of."""

    INSTANCE = "instance"
    IMAGE = "image"
    TARGET = "target"
    STORE = "store"
    GROUP = "group"
    AGENT = "agent"


@dataclass(frozen=True, order=True)
class Thing:
    """One thing on the host: a device, a session, a file and so on.

    :param name: as people and tools name it.
    :param of: the key of the image or the instance that it is a part of.
    """

    kind: str
    name: str
    owner: Owner
    of: str


def everything(
    settings: Settings, engine: CacheEngine, intents: Sequence[Intent]
) -> list[Thing]:
    """Return every thing of ours, each once."""
    targets = _served()
    found = [
        *_devices(),
        *_targets(targets),
        *_sessions(intents),
        *_connections(),
        *_loops(settings, intents, targets),
        *_daemons(settings),
        *_files(settings, engine),
        *_agents_files(settings),
    ]
    return list(dict.fromkeys(found))


def unwanted(
    things: Iterable[Thing], intents: Iterable[Intent]
) -> list[Thing]:
    """Return the things that no intent and no standing instance wants."""
    standing = snapshot.instances()
    wanted = {(Owner.IMAGE, item.image) for item in standing}
    for intent in intents:
        match intent:
            case InstanceIntent():
                wanted.add((Owner.INSTANCE, intent.name))
                wanted.add((Owner.IMAGE, intent.image))
            case ImageIntent():
                wanted.add((Owner.IMAGE, intent.name))
            case TargetIntent():
                wanted.add((Owner.TARGET, intent.name))
            case StoreIntent():
                wanted.add((Owner.STORE, intent.name))
    if any(owner is Owner.IMAGE for owner, _ in wanted):
        wanted.add((Owner.GROUP, ""))
    wanted.add((Owner.AGENT, ""))
    return [item for item in things if (item.owner, item.of) not in wanted]


def served() -> list[iscsi.Target]:
    """Return the targets that are ours."""
    return [item for item in _served() if _owner(item) is not None]


def _served() -> list[iscsi.Target]:
    """Return every target there is; none without a tgtd."""
    try:
        return iscsi.targets()
    except CommandError:
        if processes.named("tgtd"):
            raise
        return []


def _owner(target: iscsi.Target) -> tuple[Owner, str] | None:
    """Tell whose a target is; None: not ours.

    Either it serves a cache of ours, or, with our serial, an image's file or
    a store.
    """
    device = target.device or ""
    key = device.removeprefix(names.dm_path(Role.CACHED, ""))
    if key != device and device in {
        item.path for item in dmsetup.ours(Role.CACHED)
    }:
        return Owner.IMAGE, key
    image = names.parse_iqn(target.iqn)
    serial = (target.serial or "").startswith(names.SERIAL_PREFIX)
    if image and serial and device.startswith("/dev/loop"):
        return Owner.TARGET, image
    store = names.parse_store_iqn(target.iqn)
    return (Owner.STORE, store) if store and serial else None


def _devices() -> Iterator[Thing]:
    whose = {
        Role.SNAPSHOT: Owner.INSTANCE,
        Role.ORIGIN: Owner.IMAGE,
        Role.CACHED: Owner.IMAGE,
        Role.ENGINE: Owner.IMAGE,
        Role.MULTIPATH: Owner.IMAGE,
    }
    for item in dmsetup.ours():
        owner = whose.get(item.role, Owner.GROUP)
        of = "" if owner is Owner.GROUP else item.key
        yield Thing("device", item.path, owner, of)


def _targets(targets: Iterable[iscsi.Target]) -> Iterator[Thing]:
    for item in targets:
        owner = _owner(item)
        if owner is not None:
            yield Thing("target", item.iqn, *owner)


def _sessions(intents: Sequence[Intent]) -> Iterator[Thing]:
    for iqn in sorted(sessions.targets()):
        image = names.parse_iqn(iqn) or ""
        yield Thing("session", iqn, Owner.IMAGE, image)
    of = {
        intent.remote.iqn: intent.name
        for intent in intents
        if isinstance(intent, InstanceIntent) and intent.remote
    }
    for iqn in sorted(sessions.stores()):
        key = of.get(iqn) or names.parse_store_iqn(iqn) or ""
        yield Thing("session", iqn, Owner.INSTANCE, key)


def _connections() -> Iterator[Thing]:
    """Yield the NBD devices under our caches."""
    for item in dmsetup.ours(Role.ENGINE):
        for under in sysfs.slaves(item.path):
            if under.startswith("nbd"):
                yield Thing("nbd", f"/dev/{under}", Owner.IMAGE, item.key)


def _loops(
    settings: Settings,
    intents: Sequence[Intent],
    targets: Iterable[iscsi.Target],
) -> Iterator[Thing]:
    """Yield loop devices on caches, on stores and on what is exported."""
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
            yield Thing("loop", device, Owner.IMAGE, file.stem)
        elif file.parent == settings.snapshot_dir and file.suffix == ".cow":
            yield Thing("loop", device, Owner.INSTANCE, file.stem)
        elif file in stores:
            yield Thing("loop", device, Owner.INSTANCE, stores[file])
        elif (device, file) in exported:
            key = exported[device, file]
            yield Thing("loop", device, Owner.TARGET, key)
        elif device in served:
            yield Thing("loop", device, *served[device])


def _daemons(settings: Settings) -> Iterator[Thing]:
    for pid, overlay in daemon.running(settings.cache_dir):
        name = f"qemu-storage-daemon ({pid})"
        yield Thing("process", name, Owner.IMAGE, overlay.stem)


def _files(settings: Settings, engine: CacheEngine) -> Iterator[Thing]:
    for file in _glob(settings.cache_dir, "*"):
        if file.suffix in _DISK_OF_AN_IMAGE:
            yield Thing("file", str(file), Owner.IMAGE, file.stem)
    short = {names.short(image): image for image in engine.kept()}
    for suffix in ("nbd", "pid", "device"):
        for file in _glob(settings.run_dir, f"{'[0-9a-f]' * 16}.{suffix}"):
            of = short.get(file.stem, "")
            yield Thing("file", str(file), Owner.IMAGE, of)
    for file in _glob(settings.snapshot_dir, "*.cow"):
        yield Thing("file", str(file), Owner.INSTANCE, file.stem)
    for file in _glob(settings.store_dir, "*.cow"):
        yield Thing("file", str(file), Owner.STORE, file.stem)


def _agents_files(settings: Settings) -> Iterator[Thing]:
    """Yield what tells of other things: wanted as long as the agent is."""
    folders = {
        settings.state_dir / "intents": ("*.json", "*.broken", "*.new"),
        settings.state_dir / "digests": ("*.json", "*.new"),
        settings.state_dir: ("admission.json", "admission.new"),
        settings.run_dir / "locks": ("*",),
        udev.FOLDER: (udev.NAME,),
        # Of an agent that was killed.
        settings.local_socket.parent: (settings.local_socket.name,),
    }
    for folder, patterns in folders.items():
        for pattern in patterns:
            for file in _glob(folder, pattern):
                yield Thing("file", str(file), Owner.AGENT, "")


def _glob(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))
