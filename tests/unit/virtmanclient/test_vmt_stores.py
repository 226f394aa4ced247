# SPDX-License-Identifier: Apache-2.0
"""Stores of an image server, through the door that the endpoint names."""

import dataclasses
from unittest import mock

import pytest

from virtmanclient import exceptions, stores
from virtmanclient.stores import Room, Store, Stores

MADE = Store("10.0.0.1:3260", "iqn.x:cow-a", False)
ONE, TWO = "iqn.x:one", "iqn.x:two"
LEFT = Room(3 << 40, 1 << 40, 5 << 40)


class Network:
    """What a node answers at its XML-RPC door."""

    def __init__(self):
        self.kept = {}

    def open_store(self, store, sectors, initiator, new):
        if store not in self.kept and not new:
            return f"1:Virtman: {store} is gone"
        if self.kept.setdefault(store, initiator) != initiator:
            return f"2:Virtman: the store {store} is in use"
        return f"0:{MADE.portal} {MADE.iqn} new"

    def delete_store(self, store):
        self.kept.pop(store, None)
        return "0:"

    def list_store(self):
        return ["ab iqn.x:one new", "b iqn.x:one written"]

    def store_room(self):
        return f"0:{LEFT.total} {LEFT.free} {LEFT.provisioned}"


@pytest.fixture(params=["network", "local"])
def server(request, node, monkeypatch):
    """An image server's stores through either door."""
    kept = Network()
    if request.param == "network":
        node._server.register_instance(kept)
        return Stores(f"http://{node.endpoint}", 5)
    agent = mock.create_autospec(stores.Agent, instance=True)

    def opened(*words):
        said = kept.open_store(*words)
        if said[0] != "0":
            wrong = {"1": exceptions.NotFound, "2": exceptions.InUse}
            raise wrong[said[0]](said)
        return {"portal": MADE.portal, "iqn": MADE.iqn, "written": False}

    agent.open_store.side_effect = opened
    agent.delete_store.side_effect = kept.delete_store
    agent.stores.side_effect = lambda: [
        {"store": "ab", "written": False},
        {"store": "b", "written": True},
    ]
    agent.room.return_value = dataclasses.asdict(LEFT)
    monkeypatch.setattr(stores, "Agent", lambda path, timeout: agent)
    return Stores("unix:///run/agent.sock", 5)


def test_a_store_is_opened_to_one_and_removed(server):
    with pytest.raises(exceptions.NotFound):
        server.open("a", 8, ONE, new=False)
    assert server.open("a", 8, ONE, new=True) == MADE
    with pytest.raises(exceptions.Refused, match="in use"):
        server.open("a", 8, TWO, new=False)
    server.delete("a")
    assert server.open("a", 8, TWO, new=True) == MADE


def test_it_is_asked_whether_a_disk_ever_stood_on_it(server):
    assert server.written("b")
    assert not server.written("a")
    assert not server.written("ab")


def test_it_is_asked_how_much_room_there_is(server):
    assert server.room() == LEFT


@pytest.mark.parametrize("said", ["0:1 2", "0:a b c", "0:"])
def test_what_tells_no_room_is_no_agent(node, said):
    node._server.register_function(lambda: said, "store_room")
    with pytest.raises(
        exceptions.CommunicationError, match="not one of virtman"
    ):
        Stores(node.endpoint, 5).room()


def test_an_agent_that_knows_no_room_yet_is_an_error_of_a_client(node):
    with pytest.raises(exceptions.ClientError):
        Stores(node.endpoint, 5).room()


def test_what_a_host_is_given_has_no_secret():
    assert MADE.connection == {
        "target_portal": "10.0.0.1:3260",
        "target_iqn": "iqn.x:cow-a",
        "target_lun": 1,
    }


def test_what_answers_something_else_is_no_agent(node):
    node._server.register_function(lambda *_: "0:x", "open_store")
    with pytest.raises(
        exceptions.CommunicationError, match="not one of virtman"
    ):
        Stores(node.endpoint, 5).open("a", 8, ONE, new=True)


def test_a_server_that_is_away_is_named():
    with pytest.raises(exceptions.CommunicationError, match="virtman-server"):
        Stores("127.0.0.9:1", 5).written("a")


def test_a_broker_is_refused():
    with pytest.raises(exceptions.InvalidEndpoint):
        Stores("rabbit://u:secret@b/")
