# SPDX-License-Identifier: Apache-2.0
"""The client's calls fit the agent's own door and its own verbs.

The agent behind the door is a double made from its class, so a call with
arguments the verb does not take fails.
"""

import threading
from unittest import mock

import pytest

from virtman.compute import Virtman
from virtman.rpc.xmlrpc import Door
from virtmanclient import vmtapi
from virtmanclient.client import Client


@pytest.fixture
def agent():
    """Return the agent's double and the endpoint of its door."""
    agent = mock.create_autospec(Virtman, instance=True)
    agent.list.return_value = ["vm1:volume-i"]
    agent.list_image_target.return_value = ["volume-i:1:/dev/loop0"]
    for verb in ("destroy", "destroy_image_target"):
        getattr(agent, verb).return_value = "0:"
    agent.create.return_value = "0:/dev/mapper/snapshot_vm1"
    agent.create_image_target.return_value = "0:1:/dev/loop0"
    door = Door("127.0.0.1", 0, agent)
    threading.Thread(target=door.serve_forever, args=(0.02,)).start()
    yield agent, f"127.0.0.1:{door.server_address[1]}"
    door.shutdown()
    door.server_close()


CONNECTION = {
    "target_portal": "10.0.0.2:3260",
    "target_iqn": "iqn.2010-10.org.openstack:volume-i",
    "target_lun": 1,
}


def test_vmtapi_speaks_the_agents_language(agent):
    double, node = agent
    said = vmtapi.create(node, "vm1", "i", "10.0.0.2")
    assert said == "0:/dev/mapper/snapshot_vm1"
    double.create.assert_called_once_with(
        "vm1", "volume-i", [CONNECTION], None
    )
    assert vmtapi.list(node) == ["vm1:volume-i"]
    assert vmtapi.destroy(node, "vm1") == "0:"
    double.destroy.assert_called_once_with("vm1")


def test_vmtapi_speaks_the_image_servers_language(agent):
    double, node = agent
    said = vmtapi.create_image_target(node, "i", "/srv/i.img")
    assert said == "0:1:/dev/loop0"
    double.create_image_target.assert_called_once_with(
        "i", "/srv/i.img", None, vmtapi.IQN_PREFIX
    )
    assert vmtapi.list_image_target(node) == ["volume-i:1:/dev/loop0"]
    assert vmtapi.destroy_image_target(node, "i") == "0:"


def test_the_client_object_speaks_it_too(agent):
    double, node = agent
    client = Client(node)
    path = client.create("vm1", "volume-i", CONNECTION, "/dev/loop3")
    assert path == "/dev/mapper/snapshot_vm1"
    double.create.assert_called_once_with(
        "vm1", "volume-i", [CONNECTION], "/dev/loop3"
    )
    assert client.list() == ["vm1:volume-i"]
    client.destroy("vm1")
