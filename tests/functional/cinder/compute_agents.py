# SPDX-License-Identifier: Apache-2.0
"""An image server's agent and two compute hosts', behind their real doors.

Doors, verbs and schemas are the agent's own; only what is under them is in
memory.  The door ``control.sock`` tells what was called and takes orders.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading

from virtman.compute import Virtman
from virtman.exception import AlreadyExists, InUse, NotFound
from virtman.instance.snapshot import Instance
from virtman.rpc import local
from virtman.rpc.peer_credentials import Callers
from virtman.rpc.token import Secrets
from virtman.rpc.verbs import Failure, Verbs
from virtman.rpc.xmlrpc import Door
from virtman.targets.capacity import Room
from virtman.targets.image_targets import ImageTarget
from virtman.targets.store_targets import Store

HOSTS = {"compute1": "127.0.0.2", "compute2": "127.0.0.3"}
IMAGES = "127.0.0.4"
SECRET = "a secret of this test alone"


@dataclasses.dataclass
class Kept:
    """What a host has of a volume."""

    active: bool = True
    open: bool = False


class MemoryNode:
    """What Cinder's driver may ask virtman.node.node.Node, to a dict."""

    def __init__(self):
        self.kept = {}
        self.calls = []

    def instances(self):
        self.calls.append("list")
        return self._named(active=True)

    def inactive(self):
        return self._named(active=False)

    def destroy(self, name):
        self.calls.append(f"destroy {name}")
        if name in self.kept and self.kept[name].open:
            raise InUse(f"snapshot_{name} is open: the VM runs")
        return self.kept.pop(name, None) is not None

    def broken_stores(self):
        return {}

    def _named(self, active):
        return [
            Instance(name, "volume-any")
            for name, one in self.kept.items()
            if one.active == active
        ]


class MemoryStores:
    """What virtman.targets.store_targets.StoreTargets does, to a dict.

    ``sessions`` are who is logged in to which.
    """

    def __init__(self):
        self.kept = {}
        self.sessions = {}
        self.left = Room(1 << 50, 1 << 50, 0)

    def room(self):
        return self.left

    def open(self, store, sectors, initiator, new):
        known = self.kept.get(store)
        if known is None and not new:
            raise NotFound(f"{store}.cow is gone; put it back")
        self._require_free(store, initiator)
        self.kept[store] = Store(
            store,
            f"iqn.2010-10.org.openstack:cow-{store}",
            "10.0.0.1:3260",
            1,
            initiator,
            known is not None and known.written,
            0,
        )
        return self.kept[store]

    def delete(self, store):
        self._require_free(store, None)
        return self.kept.pop(store, None) is not None

    def all(self):
        return list(self.kept.values())

    def write(self, store):
        """Do as a host that is let in does: log in, stand a disk on it."""
        known = self.kept[store]
        self.sessions[store] = known.initiator
        self.kept[store] = dataclasses.replace(known, written=True)

    def _require_free(self, store, initiator):
        holder = self.sessions.get(store)
        if holder not in (None, initiator):
            raise InUse(f"the store {store} is in use by {holder}")


class MemoryImages:
    """What virtman.targets.imageservice.ImageService does, to a dict."""

    def __init__(self):
        self.files = {}
        self.read = set()

    def create(self, image, file, loop, prefix):
        name = f"volume-{image}"
        if name in self.files:
            raise AlreadyExists(f"image_name = {name} exists")
        self.files[name] = file
        return self._target(name)

    def destroy(self, image):
        name = f"volume-{image}"
        if name in self.read:
            raise InUse(f"a node is logged in to {name}")
        if self.files.pop(name, None) is None:
            raise NotFound(f"image_name = {name} not exists")

    def targets(self):
        return [self._target(name) for name in self.files]

    def _target(self, name):
        return ImageTarget(name, 1, "/dev/loop0", f"iqn.2010-10.x:{name}")


class ImageVerbs(Verbs):
    """Verbs of the image server that fail when they were told to."""

    def __init__(self):
        self.images, self.stores = MemoryImages(), MemoryStores()
        super().__init__(MemoryNode(), self.images, self.stores)
        self.calls = []
        self.failures = []

    def call(self, verb, arguments):
        self.calls.append(verb)
        if self.failures and self.failures[0][0] == verb:
            raise Failure("failed", self.failures.pop(0)[1])
        return super().call(verb, arguments)


class Control:
    """Verbs of the tests: look at the agents, begin anew, do as Nova does."""

    def __init__(self, folder):
        self._secrets = Secrets(folder / "secret")
        self._port = None
        self._doors = {}
        self.fresh()

    def call(self, verb, arguments):
        return getattr(self, verb)(**arguments)

    def fresh(self):
        """Begin anew; return the port of the hosts' doors."""
        self.stop("images")
        self.image_server = ImageVerbs()
        self.nodes = {host: MemoryNode() for host in HOSTS}
        for host in HOSTS:
            self.stop(host)
            self.start(host)
        return self._port

    def stop(self, host):
        """Let the agent of a host be away."""
        door, thread = self._doors.pop(host, (None, None))
        if door:
            door.shutdown()
            door.server_close()
            thread.join()

    def start(self, host):
        door = Door(
            HOSTS[host],
            self._port or 0,
            Virtman(self.nodes[host], None, None),
            self._secrets,
        )
        self._port = door.server_address[1]
        thread = threading.Thread(target=door.serve_forever, args=(0.02,))
        thread.start()
        self._doors[host] = door, thread

    def serve_images(self):
        """Serve the image server at its network door, too; return the port."""
        node = MemoryNode()
        server = self.image_server
        door = Door(IMAGES, 0, Virtman(node, server.images, server.stores))
        thread = threading.Thread(target=door.serve_forever, args=(0.02,))
        thread.start()
        self._doors["images"] = door, thread
        return door.server_address[1]

    def close(self):
        self.stop("images")
        for host in HOSTS:
            self.stop(host)

    def fail(self, what, message):
        """Have the image server's next call of a verb fail."""
        self.image_server.failures.append((what, message))

    def image_calls(self):
        """Return what the image server was asked since this was asked."""
        made, self.image_server.calls = self.image_server.calls, []
        return made

    def files(self):
        """Return image: file, of what is exported."""
        return self.image_server.images.files

    def reads(self, image):
        """Have a node be logged in to an image."""
        self.image_server.images.read.add(image)

    def calls(self, host):
        """Return what a compute host was asked since this was asked."""
        node = self.nodes[host]
        made, node.calls = node.calls, []
        return made

    def boot(self, host, volume):
        """Do as Nova does: make a disk, and let a VM use it."""
        self.nodes[host].kept[volume] = Kept(open=True)
        if volume in self.stores.kept:
            self.stores.write(volume)

    def shut(self, host, volume):
        """Let the VM end; its disk stays, as when no agent was there."""
        self.nodes[host].kept[volume].open = False

    def rest(self, host, volume):
        """Do as Nova does: take the disk away, keep the data."""
        self.shut(host, volume)
        self.nodes[host].kept[volume].active = False
        self.stores.sessions.pop(volume, None)

    def leave(self, total, free, provisioned):
        """Let there be so much room for stores, in GiB."""
        self.stores.left = Room(total << 30, free << 30, provisioned << 30)

    def cut_off(self, volume):
        """Let the host that has a store lose its power: no session is left."""
        self.stores.sessions.pop(volume, None)

    def lose(self, volume):
        """Let the image server lose a store."""
        del self.stores.kept[volume]

    def stores_of(self):
        """Return store: whom it is open to."""
        return {one.store: one.initiator for one in self.stores.all()}

    @property
    def stores(self):
        return self.image_server.stores

    def disks(self, host):
        """Return volume: whether its disk is there."""
        kept = self.nodes[host].kept
        return {name: one.active for name, one in kept.items()}


class ImageServer:
    """The agent that the image server has now."""

    def __init__(self, control):
        self._control = control

    def call(self, verb, arguments):
        return self._control.image_server.call(verb, arguments)


@contextlib.contextmanager
def serving(folder):
    """Serve ``images.sock`` and ``control.sock`` in a folder."""
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    control = Control(folder)
    doors = {"images": ImageServer(control), "control": control}
    with contextlib.ExitStack() as opened:
        opened.callback(control.close)
        for name, verbs in doors.items():
            path = folder / f"{name}.sock"
            opened.enter_context(
                local.serving(path, verbs, Callers(None), 0.05)
            )
        yield
