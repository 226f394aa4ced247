# SPDX-License-Identifier: Apache-2.0
"""Image targets, through the door that the endpoint names."""

from unittest import mock

import pytest

from virtmanclient import exceptions, targets
from virtmanclient.doors import network
from virtmanclient.targets import Targets


@pytest.fixture(params=["network", "local"])
def server(request, node, monkeypatch):
    """An image server's targets through either door; 5 s are enough."""
    if request.param == "network":
        return Targets(f"http://{node.endpoint}", 5)
    agent = mock.create_autospec(targets.Agent, instance=True)
    known = []

    def create(image, file):
        if image in known:
            raise exceptions.AlreadyExists(image)
        known.append(image)

    def delete(image):
        if image not in known:
            raise exceptions.NotFound(image)
        known.remove(image)

    agent.create_target.side_effect = create
    agent.delete_target.side_effect = delete
    agent.targets.side_effect = lambda: [
        {"image": f"volume-{image}"} for image in known
    ]
    monkeypatch.setattr(targets, "Agent", lambda path, timeout: agent)
    return Targets("unix:///run/agent.sock", 5)


def test_a_target_is_made_listed_and_removed(server):
    server.create("a", "/srv/a.raw")
    assert server.images() == {"volume-a"}
    with pytest.raises(exceptions.AlreadyExists):
        server.create("a", "/srv/a.raw")
    server.delete("a")
    with pytest.raises(exceptions.NotFound):
        server.delete("a")
    assert server.images() == set()


def test_a_failure_has_the_agent_s_reason(node, monkeypatch):
    monkeypatch.setattr(network.NetworkDoor, "ask", lambda *words: "2:no loop")
    with pytest.raises(exceptions.OperationFailed, match="no loop"):
        Targets(node.endpoint, 5).create("a", "/srv/a.raw")


def test_an_image_server_that_is_away_is_named():
    with pytest.raises(exceptions.CommunicationError, match="virtman-server"):
        Targets("127.0.0.9:1", 5).images()


@pytest.mark.parametrize("endpoint", ["ftp://x", "rabbit://u:secret@b/"])
def test_an_endpoint_that_is_none_is_refused(endpoint):
    with pytest.raises(exceptions.InvalidEndpoint) as error:
        Targets(endpoint)
    assert "secret" not in str(error.value)
