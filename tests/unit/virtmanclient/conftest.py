# SPDX-License-Identifier: Apache-2.0
"""Nodes to talk to: real XML-RPC servers on loopback addresses.

They give the answers of the contract and keep what was asked of them.
"""

import itertools
import socketserver
import threading
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest


class _Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)

    def do_POST(self):
        self.server.shown.append(self.headers.get("Authorization"))
        super().do_POST()


class _Server(socketserver.ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
    block_on_close = False


class FakeNode:
    """A node whose disks and targets are words in two dicts.

    ``calls`` holds the arguments of each call in order, ``shown`` the
    headers ``Authorization``; the creation of a
    name in ``slow`` waits for ``gate``; ``fault``, an exception, is raised.
    """

    def __init__(self, address, port):
        self.address = address
        self.calls = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.slow = set()
        self.fault = None
        self.instances = {}
        self.targets = {}
        self._server = _Server(
            (address, port), _Handler, logRequests=False, allow_none=True
        )
        self.shown = self._server.shown = []
        self.port = self._server.server_address[1]
        for function in (
            self.create,
            self.destroy,
            self.list,
            self.list_inactive,
            self.create_image_target,
            self.destroy_image_target,
            self.list_image_target,
        ):
            self._server.register_function(function)
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        ).start()

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def create(self, instance, image, connections, snapshot_dev):
        self._enter("create", instance, image, connections, snapshot_dev)
        if instance in self.instances:
            return f"1:Virtman: the instance_name '{instance}' already exists!"
        if image == "volume-broken":
            return "2:Virtman: create image failed"
        self.instances[instance] = image
        return f"0:/dev/mapper/snapshot_{instance}"

    def destroy(self, instance):
        self._enter("destroy", instance)
        if self.instances.pop(instance, None) is None:
            return f"1:Virtman: the instance_name '{instance}' does not exist!"
        return "0:"

    def list(self):
        self._enter("list")
        return [f"{name}:{image}" for name, image in self.instances.items()]

    def list_inactive(self):
        self._enter("list_inactive")
        return ["vm9:volume-i"]

    def create_image_target(self, image, file_path, loop_dev, iqn_prefix):
        self._enter(
            "create_image_target", image, file_path, loop_dev, iqn_prefix
        )
        name = f"volume-{image}"
        if name in self.targets:
            return f"1:Virtman: Image Service: Warning! image_name = {name} exists! Please use another name"  # noqa: E501
        self.targets[name] = f"{len(self.targets) + 1}:/dev/loop0"
        return f"0:{self.targets[name]}"

    def destroy_image_target(self, image):
        self._enter("destroy_image_target", image)
        name = f"volume-{image}"
        if self.targets.pop(name, None) is None:
            return f"1:Virtman: Image Service: Warning! image_name = {name} not exists!"  # noqa: E501
        return "0:"

    def list_image_target(self):
        self._enter("list_image_target")
        return [f"{name}:{place}" for name, place in self.targets.items()]

    def _enter(self, *call):
        self.calls.append(call)
        self.entered.set()
        if self.fault:
            raise self.fault
        if self.slow.intersection(call[1:2]):
            self.gate.wait(20)


@pytest.fixture
def nodes():
    """Return a function making so many nodes, all on one port."""
    running = []
    addresses = (f"127.0.0.{last}" for last in itertools.count(2))

    def make(count=1):
        for _ in range(count):
            port = running[0].port if running else 0
            running.append(FakeNode(next(addresses), port))
        return running[-count:]

    yield make
    for node in running:
        node.gate.set()
        node.stop()


@pytest.fixture
def node(nodes):
    """Return one node."""
    return nodes()[0]
