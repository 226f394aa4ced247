# SPDX-License-Identifier: Apache-2.0
"""A cloud of the tests: servers in a dict, which a test moves along."""

import itertools
import threading

from virtmanclient.openstack.cloud import Server


class MemoryCloud:
    """What Cloud does, to a dict.

    A server that was asked for is ACTIVE at the second look, unless ``fate``
    has another status for its name.  ``refuse`` has an error for the names
    that cannot even be asked for; ``blind`` has those of the next looks.  A
    request for a name in ``held`` waits for ``gate``.
    """

    def __init__(self, *servers):
        self.there = {one.id: one for one in servers}
        self.fate = {}
        self.refuse = {}
        self.blind = []
        self.held = set()
        self.gate = threading.Event()
        self.looks = 0
        self.asked = []
        self._ids = map(str, itertools.count(100))

    def servers(self):
        self.looks += 1
        if self.blind:
            raise self.blind.pop(0)
        told = [*self.there.values()]
        for one in told:
            status, fault = self.fate.get(one.key[0], ("ACTIVE", ""))
            if one.status == "BUILD":
                self.there[one.id] = Server(
                    one.id, one.key, status, "h1", fault
                )
        return told

    def create(self, order):
        self.asked.append(order.name)
        if order.name in self.held:
            self.gate.wait(20)
        if order.name in self.refuse:
            raise self.refuse[order.name]
        made = Server(next(self._ids), order.key, "BUILD")
        self.there[made.id] = made
        return made.id

    def delete(self, server):
        self.asked.append(server)
        one = self.there[server]
        if one.key[0] not in self.refuse:
            del self.there[server]


def server(name, status="ACTIVE", number="1", mark=None):
    return Server(number, (name, mark or name), status, "h1")
