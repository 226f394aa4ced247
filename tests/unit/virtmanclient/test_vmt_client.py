# SPDX-License-Identifier: Apache-2.0
"""Client: a node as an object, with exceptions instead of codes."""

import socket
import threading

import pytest

from virtmanclient import exceptions
from virtmanclient.client import Client

CONNECTION = {
    "target_portal": "10.0.0.2:3260",
    "target_iqn": "iqn.2010-10.org.openstack:volume-i",
    "target_lun": 1,
}


@pytest.mark.parametrize("form", ["{}", "http://{}", "http://{}/"])
def test_an_endpoint_may_have_a_scheme_or_not(node, form):
    client = Client(form.format(node.endpoint))
    assert client.create("vm1", "i", CONNECTION) == "/dev/mapper/snapshot_vm1"
    assert client.list() == ["vm1:i"]
    assert client.destroy("vm1") is None
    assert client.list() == []


@pytest.mark.parametrize(
    ("endpoint", "node"),
    [
        ("n1", "n1:7774"),
        ("http://n1", "n1:7774"),
        ("10.0.0.3:80", "10.0.0.3:80"),
        ("[fe80::1]", "[fe80::1]:7774"),
        ("http://[fe80::1]:99/", "[fe80::1]:99"),
    ],
)
def test_the_port_is_7774_unless_said(endpoint, node):
    assert Client(endpoint).node == node


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://n1",
        "http://",
        "n1:port",
        "n1:99999",
        "http://[::1",
        "n1/v1",
    ],
)
def test_what_is_no_endpoint_is_refused_at_once(endpoint):
    with pytest.raises(exceptions.InvalidEndpoint, match="host:port"):
        Client(endpoint)


@pytest.mark.parametrize(
    "connections",
    [CONNECTION, [CONNECTION], (CONNECTION, CONNECTION)],
    ids=["dict", "list", "tuple"],
)
def test_connections_may_be_one_or_several(node, connections):
    Client(node.endpoint).create("vm1", "i", connections, "/dev/loop1")
    _, _, _, sent, snapshot = node.calls[0]
    assert sent == [CONNECTION] * len(sent)
    assert len(sent) == (2 if isinstance(connections, tuple) else 1)
    assert snapshot == "/dev/loop1"


def test_what_was_deactivated_is_listed_apart(node):
    assert Client(node.endpoint).inactive() == ["vm9:volume-i"]


def test_a_name_that_is_taken_is_an_exception_with_the_reason(node):
    client = Client(node.endpoint)
    client.create("vm1", "i", CONNECTION)
    with pytest.raises(exceptions.AlreadyExists, match="'vm1' already exists"):
        client.create("vm1", "i", CONNECTION)


def test_a_name_that_is_not_there_is_an_exception(node):
    with pytest.raises(exceptions.NotFound, match="does not exist"):
        Client(node.endpoint).destroy("vm1")


def test_a_create_that_failed_is_an_exception(node):
    with pytest.raises(exceptions.OperationFailed, match="image failed"):
        Client(node.endpoint).create("vm1", "volume-broken", CONNECTION)


def test_a_fault_names_the_node_and_the_reason(node):
    node.fault = RuntimeError("no space left")
    with pytest.raises(exceptions.ServerFault, match="no space left") as error:
        Client(node.endpoint).list()
    assert node.endpoint in str(error.value)


def test_a_node_that_is_not_there_names_the_remedy():
    with pytest.raises(exceptions.CommunicationError, match="virtman-server"):
        Client("127.0.0.9:1").list()


def test_a_node_that_stays_silent_is_given_up(node):
    node.slow = {"vm1"}
    client = Client(node.endpoint, timeout=0.3)
    with pytest.raises(exceptions.AnswerTimeout, match="in time"):
        client.create("vm1", "i", CONNECTION)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhey!",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
    ids=["no xml", "not found", "no http", "nothing"],
)
def test_a_stranger_on_the_port_is_told_from_a_node(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve():
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(exceptions.CommunicationError):
            Client(f"127.0.0.1:{port}", timeout=5).list()


def test_all_exceptions_have_one_base():
    kinds = [
        kind
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert len(kinds) == 13
    assert all(issubclass(kind, exceptions.ClientError) for kind in kinds)
