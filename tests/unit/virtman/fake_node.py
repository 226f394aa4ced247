# SPDX-License-Identifier: Apache-2.0
"""A whole node over a host in memory: real verbs, layers and paths."""

from __future__ import annotations

import dataclasses
import shutil
import threading

from fake_life import Life, MortalIntents
from fake_portals import Portals
from fake_volt import FakeVolt

from virtman import names, privsep
from virtman.cache.engine import CacheEngine
from virtman.coordinator.beat_schedule import BeatSchedule
from virtman.drivers import dmsetup
from virtman.exception import NoSpace
from virtman.image.services import Services
from virtman.instance.request import (
    DiskRequest,
    GivenDevice,
    OwnFile,
    Writes,
)
from virtman.model import Assignment, ImageFacts
from virtman.names import Role
from virtman.node.node import Node
from virtman.node.recovery import Recovery
from virtman.path import Path, Source
from virtman.stack import ABSENT, State, Status
from virtman.targets.imageservice import ImageService
from virtman.targets.store_grants import StoreGrants
from virtman.targets.store_targets import StoreTargets

SECTORS = 4096
SERIAL = "VMT0123456789ABCDEF"
FACTS = ImageFacts(SECTORS, "1", SERIAL)
PEER = "127.0.0.1:volume-a"


class Disks(Portals):
    """Portals whose disks appear in the fake /sys.

    ``contents`` maps hosts to (sectors, serial) that differ from SECTORS and
    SERIAL.
    """

    def __init__(self, kernel, *serving):
        super().__init__(*serving)
        self._kernel = kernel
        self.contents = {}

    def disk(self, source: Source) -> Path:
        if source in self.sessions:
            return self.sessions[source]
        sectors, serial = self.contents.get(source.host, (SECTORS, SERIAL))
        # The model refuses to have a disk of an image written on.
        kind = "nbd" if source.host == "storage" else "sd"
        name = self._kernel.sys.add(kind, sectors)
        page = self._kernel.sys.folder(name) / "device" / "vpd_pg80"
        page.write_bytes(b"\0\x80\0\x13" + serial.encode())
        return Path(source, f"/dev/{name}", sectors)

    def disconnect(self, path: Path) -> None:
        self.life.alive()
        device = self.sessions[path.source].device
        self._kernel.sys.remove(device.removeprefix("/dev/"))
        super().disconnect(path)


class PlainEngine(CacheEngine):
    """Keeps nothing: a dm-linear.  ``full`` is a disk without room."""

    full = False

    def require_space(self, image, sectors):
        if self.full:
            raise NoSpace(f"the cache of {image} needs more")

    def status(self, image, sectors):
        device = dmsetup.find(Role.CACHED, image)
        return Status(State.ACTIVE, device.path) if device else ABSENT

    def activate(self, image, source, sectors):
        text = f"0 {sectors} linear {source} 0"
        return dmsetup.create(Role.CACHED, image, text, readonly=True)

    def deactivate(self, image):
        return dmsetup.remove(Role.CACHED, image)


def assignment(*hosts, peer=PEER, image=FACTS):
    """Return volt's answer that names these hosts."""
    stripes = (tuple(source_of(host) for host in hosts),) if hosts else ()
    return Assignment(peer, stripes, image)


def source_of(host, image="volume-a"):
    return Source(host, 3260, names.iqn(image))


class Site:
    """One node, its host, its portals and its volt."""

    def __init__(self, kernel, settings):
        self.kernel = kernel
        self.portals = Disks(kernel, "server")
        self.volt = FakeVolt(assignment())
        self.settings = dataclasses.replace(
            settings, source_timeout=10.0, place_timeout=0.0, standby_wait=0.0
        )
        self.engine = PlainEngine(self.settings)
        self.nodes = []
        self.start()

    def start(self, lifespan=None, **changes):
        """Start an agent, as after a restart: it knows nothing.

        :param left: after so many changes it is killed.
        """
        self.settings = dataclasses.replace(self.settings, **changes)
        self.beat_schedule = BeatSchedule(3600.0)
        self.life = Life(lifespan)
        self.kernel.life = self.portals.life = self.volt.life = self.life
        privsep.observe(self.life.done)
        self.intents = MortalIntents(self.folder, self.life)
        services = Services(
            self.settings, self.engine, self.portals, self.volt,
            self.beat_schedule, self.intents,
        )  # fmt: skip
        self.node = Node(services)
        self.images = ImageService(self.settings, self.volt, self.intents)
        self.stores = StoreTargets(
            self.settings, self.intents, StoreGrants(self.intents)
        )
        self.recovery = Recovery(self.node, self.images, self.stores, services)
        self.nodes.append(self.node)

    def recover(self, lifespan=None):
        """Start the agent again and let it put all in order."""
        self.node.close()
        self.images.stop()
        self.start(lifespan)
        self.recovery.begin()
        self.recovery.first()

    def power_cut(self):
        """Lose what a host loses with its power, the agent with it."""
        self.node.close()
        self.images.stop()
        self.portals.sessions.clear()
        self.kernel.lose_power()
        shutil.rmtree(self.settings.run_dir, ignore_errors=True)

    def close(self):
        """End every agent there was; none of their threads may stay."""
        for node in self.nodes:
            node.close()
        self.images.stop()
        assert self.threads() == []

    @property
    def folder(self):
        """Where the intents are."""
        return self.settings.state_dir / "intents"

    def create(
        self,
        name="vm1",
        image="a",
        hosts=("server",),
        device=None,
        writes=Writes.DETECT,
        remote=None,
    ):
        connections = [source_of(host, f"volume-{image}") for host in hosts]
        given = GivenDevice(device) if device else OwnFile()
        return self.node.create(
            DiskRequest(
                name, image, tuple(connections), remote or given, writes
            )
        )

    def held(self):
        """Return all there is on the host, sessions and stores included."""
        stores = [f.name for f in self.settings.snapshot_dir.glob("*")]
        kept = self.settings.store_dir
        stores += [f.name for f in kept.glob("*")]
        sessions = [str(source) for source in self.portals.sessions]
        intents = [file.name for file in self.folder.glob("*")]
        return sorted([*self.kernel.left(), *sessions, *stores, *intents])

    def threads(self):
        return [t for t in threading.enumerate() if "paths-" in t.name]
