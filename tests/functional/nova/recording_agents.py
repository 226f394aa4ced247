# SPDX-License-Identifier: Apache-2.0
"""Two hosts' agents behind their real local doors, and a door to steer them.

Doors, verbs and schemas are the agent's own; only the node under them is in
memory.  The door ``control.sock`` tells what was called and takes orders.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from types import SimpleNamespace

from virtman.exception import AlreadyExists, InUse
from virtman.instance.snapshot import Instance
from virtman.rpc import local
from virtman.rpc.peer_credentials import Callers
from virtman.rpc.verbs import Failure, Verbs

HOSTS = ("compute1", "compute2")
LONGEST = 120
"""Seconds that a create is held up, if nobody lets it go on."""


@dataclasses.dataclass
class Kept:
    """An instance: its image, where it writes, whether its disk is there."""

    image: str
    store: str | None
    active: bool = True
    open: bool = False


class MemoryNode:
    """What virtman.node.node.Node does, to a dict."""

    def __init__(self):
        self.kept = {}

    def create(self, request):
        name, image = request.instance, request.image
        store = request.device or request.remote
        found = self.kept.setdefault(name, Kept(image, store))
        if found.image != image:
            raise AlreadyExists(f"{name} is an instance of {found.image}")
        found.active = True
        return SimpleNamespace(instance=Instance(name, image), created=True)

    def deactivate(self, name):
        found = self.kept.get(name)
        if found is None or not found.active:
            return False
        if found.open:
            raise InUse(f"snapshot_{name} is open: the VM runs")
        found.active = False
        return True

    def destroy(self, name):
        return self.kept.pop(name, None) is not None

    def power_cut(self):
        for one in self.kept.values():
            one.active = one.open = False


class RecordedVerbs(Verbs):
    """Verbs that are written down, and fail when they were told to."""

    def __init__(self, failures, gate):
        super().__init__(MemoryNode(), None, None)
        self.node = self._node
        self.calls = []
        self.failures = failures
        self.gate = gate

    def call(self, verb, arguments):
        self.calls.append([verb, arguments])
        if verb == "create":
            self.gate.wait(LONGEST)
        if self.failures and self.failures[0]["what"] == verb:
            order = self.failures.pop(0)
            raise Failure(order["code"], order["message"])
        return super().call(verb, arguments)


class Control:
    """Verbs of the tests: look at an agent, have it fail, begin anew.

    Creates pass while ``gate`` is set.
    """

    def __init__(self):
        self.gate = threading.Event()
        self.begin()

    def begin(self):
        self.failures = []
        self.gate.set()
        self.agents = {
            host: RecordedVerbs(self.failures, self.gate) for host in HOSTS
        }

    def call(self, verb, arguments):
        return getattr(self, verb)(**arguments)

    def fresh(self):
        self.begin()

    def calls(self, host):
        """Return the calls of one host since this was last asked."""
        agent = self.agents[host]
        made, agent.calls = agent.calls, []
        return made

    def disks(self, host):
        """Return volume: whether its disk is there."""
        kept = self.agents[host].node.kept
        return {name: one.active for name, one in kept.items()}

    def fail(self, what, code, message):
        """Have the next call of a verb fail, on whichever host."""
        order = {"what": what, "code": code, "message": message}
        self.failures.append(order)

    def hold(self, host, volume, held):
        self.agents[host].node.kept[volume].open = held

    def power_cut(self, host):
        self.agents[host].node.power_cut()


class OfHost:
    """The agent that a host has now."""

    def __init__(self, control, host):
        self._control, self._host = control, host

    def call(self, verb, arguments):
        return self._control.agents[self._host].call(verb, arguments)


@contextlib.contextmanager
def serving(folder):
    """Serve ``<host>.sock`` and ``control.sock`` in a folder.

    Yields what stands behind the latter.
    """
    control = Control()
    doors = {host: OfHost(control, host) for host in HOSTS}
    with contextlib.ExitStack() as opened:
        for name, verbs in {**doors, "control": control}.items():
            path = folder / f"{name}.sock"
            callers = Callers(None)
            opened.enter_context(local.serving(path, verbs, callers, 0.05))
        yield control
