# SPDX-License-Identifier: Apache-2.0
"""What Cinder says of a volume is checked before anything is made of it."""

import copy

import pytest

from virtmanclient.nova import connection
from virtmanclient.nova.connection import InvalidConnection

VOLUME = "11111111-2222-4333-8444-555555555555"
IMAGE = {"target_portal": "a:3260", "target_iqn": "iqn.x", "target_lun": 1}
INFO = {
    "driver_volume_type": "virtman",
    "serial": VOLUME,
    "data": {"image_name": "volume-cafe", "image_connections": [IMAGE]},
}


def info(**data):
    made = copy.deepcopy(INFO)
    made["data"] |= data
    return made


def test_a_disk_has_the_volume_s_id_and_the_image_s_name():
    disk = connection.read(info())
    assert disk == connection.Disk(VOLUME, "volume-cafe", (IMAGE,))


def test_ids_alone_are_enough():
    disk = connection.read(info(image_connections=None))
    assert disk.connections == ()


def test_a_store_that_all_hosts_reach_is_a_block_device():
    disk = connection.read(info(cow_shared=True, store="/dev/disk/by-id/x"))
    assert (disk.store, disk.cow_shared) == ("/dev/disk/by-id/x", True)


@pytest.mark.parametrize("kept", [None, False, True])
def test_a_store_that_is_a_volume_tells_by_itself_whether_it_is_new(kept):
    store = IMAGE | {"target_iqn": "iqn.x:cow-1"}
    said = info(cow_shared=True, store=store, cow_kept=kept)
    disk = connection.read(said)
    assert disk.store == store
    assert disk.keep is (True if kept else None), "never wiped"
    said["data"]["device_path"] = "/dev/mapper/snapshot_x"
    assert connection.read(said).keep is True


@pytest.mark.parametrize(
    ("data", "keep"),
    [
        ({}, None),
        ({"cow_kept": False}, False),
        ({"cow_kept": True}, True),
        ({"cow_kept": False, "device_path": "/dev/mapper/snapshot_x"}, True),
    ],
)
def test_what_was_connected_once_is_to_be_kept(data, keep):
    assert connection.read(info(**data)).keep is keep


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"image_name": None}, "image_name None"),
        ({"image_name": "../x"}, "image_name"),
        ({"image_name": "x" * 101}, "image_name"),
        ({"image_name": "x\n"}, "image_name"),
        ({"image_connections": "a:3260"}, "not a list"),
        ({"image_connections": [IMAGE] * 65}, "not a list"),
        ({"image_connections": ["a:3260"]}, "target_iqn"),
        ({"image_connections": [{"target_portal": "a"}]}, "target_iqn"),
        ({"store": "/etc/shadow"}, "store"),
        ({"store": "/dev/../etc/shadow"}, "out of /dev"),
        ({"store": 7}, "store 7"),
        ({"store": {"target_iqn": "iqn.x"}}, "the store has target_lun"),
        ({"store": {}}, "the store"),
        ({"cow_shared": True}, "no store"),
        ({"cow_shared": "yes"}, "not a boolean"),
        ({"cow_host": 7}, "not a host name"),
        ({"cow_kept": "yes"}, "not a boolean"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_name(data, why):
    with pytest.raises(InvalidConnection, match=why):
        connection.read(info(**data))


@pytest.mark.parametrize("many", [True, False])
def test_a_secret_is_refused_by_its_key_alone(many):
    told = {"auth_password": "swordfish"} | IMAGE
    said = {"image_connections": [told]} if many else {"store": told}
    with pytest.raises(InvalidConnection, match="auth_password") as error:
        connection.read(info(**said))
    assert "swordfish" not in str(error.value)


@pytest.mark.parametrize("serial", [None, "", 7, "../x", "volume-1"])
def test_a_volume_without_an_id_is_refused(serial):
    with pytest.raises(InvalidConnection, match="not a volume id"):
        connection.read(INFO | {"serial": serial})


@pytest.mark.parametrize("data", [None, [], "x"])
def test_a_connection_without_data_is_refused(data):
    with pytest.raises(InvalidConnection, match="has no data"):
        connection.read(INFO | {"data": data})


def test_a_volume_for_several_servers_is_refused():
    with pytest.raises(InvalidConnection, match="a volume for each server"):
        connection.read(INFO | {"multiattach": True})


@pytest.mark.parametrize(
    ("found", "ours"),
    [(INFO, True), ({"driver_volume_type": "iscsi"}, False), (None, False)],
)
def test_only_volumes_of_the_agent_are_ours(found, ours):
    assert connection.is_ours(found) is ours


@pytest.mark.parametrize("said", [True, False, None, "true", 1])
def test_writes_are_shared_only_when_that_is_said_plainly(said):
    assert connection.is_shared(info(cow_shared=said)) is (said is True)
