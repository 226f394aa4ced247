# SPDX-License-Identifier: Apache-2.0
"""The client of the local door, against the agent's own door."""

import contextlib
import pathlib
import socket
import threading
import types

import pytest

from virtman import exception as theirs
from virtman.instance.snapshot import Instance
from virtman.rpc import local, peer_credentials
from virtman.rpc.peer_credentials import Callers
from virtman.rpc.verbs import Verbs
from virtmanclient import exceptions
from virtmanclient.agent import Agent
from virtmanclient.client import Client

PATIENCE = 30
CONNECTION = {
    "target_portal": "10.0.0.2:3260",
    "target_iqn": "iqn.2010-10.org.openstack:volume-i",
    "target_lun": 1,
}


class Node:
    """One instance, or none; ``error`` is what every verb runs into."""

    def __init__(self):
        self.there = {}
        self.error = None
        self.asked = []

    def create(self, request):
        if self.error:
            raise self.error
        self.asked.append(request)
        made = Instance(request.instance, f"volume-{request.image}")
        new = self.there.setdefault(made.name, made) is made
        return types.SimpleNamespace(instance=made, created=new)

    def deactivate(self, name):
        return name in self.there

    def destroy(self, name):
        return self.there.pop(name, None) is not None

    def instances(self):
        return list(self.there.values())

    def inactive(self):
        return []

    def broken_stores(self):
        return {}

    def images(self):
        return []


@pytest.fixture
def path(tmp_path):
    return tmp_path / "agent.sock"


@pytest.fixture
def node(path):
    made = Node()
    images = types.SimpleNamespace(targets=list)
    verbs = Verbs(made, images, None)
    with local.serving(path, verbs, Callers(None), 0.01):
        yield made


@pytest.fixture
def agent(node, path):
    return Agent(str(path), timeout=PATIENCE)


def test_a_disk_is_made_kept_listed_and_removed(agent, node):
    made = agent.create("vm1", "i", [CONNECTION], store="/dev/vdb")
    assert made == "/dev/mapper/snapshot_vm1"
    (asked,) = node.asked
    assert asked.connections[0].host == "10.0.0.2"
    assert asked.device == "/dev/vdb"
    assert agent.create("vm1", "i", (CONNECTION,)) == made
    assert agent.instances() == [
        {"name": "vm1", "image": "volume-i", "path": made, "store": "fine"}
    ]
    assert agent.deactivate("vm1")
    assert agent.destroy("vm1")
    assert not agent.destroy("vm1")
    assert agent.instances() == agent.images() == agent.targets() == []
    assert agent.working()


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (theirs.AlreadyExists, exceptions.AlreadyExists),
        (theirs.NotFound, exceptions.NotFound),
        (theirs.InvalidRequest, exceptions.InvalidRequest),
        (theirs.InUse, exceptions.InUse),
        (theirs.NoSpace, exceptions.OperationFailed),
        (theirs.NoSource, exceptions.OperationFailed),
        (theirs.WrongIdentity, exceptions.OperationFailed),
        (theirs.LayerError, exceptions.OperationFailed),
    ],
)
def test_a_failure_keeps_its_kind_and_its_words(agent, node, raised, wanted):
    node.error = raised("the reason")
    with pytest.raises(wanted, match=r"^the reason$") as caught:
        agent.create("vm1", "i", [CONNECTION])
    assert type(caught.value) is wanted


def test_who_may_not_ask_is_told_the_remedy(agent, monkeypatch):
    stranger = peer_credentials.Peer(1, 4_000_000, 4_000_000)
    monkeypatch.setattr(peer_credentials, "of", lambda connection: stranger)
    with pytest.raises(exceptions.NotAdmitted, match="local_group"):
        agent.working()


def test_where_no_agent_runs_the_path_is_named_with_the_remedy(path):
    with pytest.raises(
        exceptions.CommunicationError, match="is virtman-server running"
    ) as caught:
        Agent(str(path)).working()
    assert str(path) in str(caught.value)


@contextlib.contextmanager
def answering(path, said):
    """Answer the first caller with these bytes, then hang up."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join(PATIENCE)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\n[]",
    ],
)
def test_what_answers_there_may_be_no_agent(path, said):
    with (
        answering(path, said),
        pytest.raises(exceptions.CommunicationError),
    ):
        Agent(str(path)).working()


def test_an_agent_that_says_nothing_is_not_waited_for_longer(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(exceptions.AnswerTimeout, match="list what it has"):
            Agent(str(path), timeout=0.05).working()


def opened():
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


def test_no_call_leaves_a_connection_open(agent):
    before = opened()
    for _ in range(20):
        agent.working()
    assert opened() <= before + 2


def test_a_client_may_be_given_the_socket_as_its_endpoint(node, path):
    client = Client(f"unix://{path}")
    assert client.working()
    assert client.create("vm1", "i", CONNECTION) == "/dev/mapper/snapshot_vm1"
    assert client.list() == ["vm1:volume-i"]
    client.destroy("vm1")
    with pytest.raises(exceptions.NotFound):
        client.destroy("vm1")
