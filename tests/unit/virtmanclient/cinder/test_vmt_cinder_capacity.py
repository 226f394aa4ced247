# SPDX-License-Identifier: Apache-2.0
"""What Cinder's scheduler is told of the room that there is."""

import shutil
import types
from unittest import mock

import pytest

from virtmanclient import exceptions
from virtmanclient.cinder import stats
from virtmanclient.cinder.capacity import Rooms
from virtmanclient.stores import Room, Stores

GIB = 1 << 30
IMAGES = Room(100 * GIB, 50 * GIB, 3 * GIB)
SECTION = types.SimpleNamespace(
    max_over_subscription_ratio="20.0", reserved_percentage=10
)


@pytest.fixture
def stores():
    return mock.create_autospec(Stores, instance=True)


@pytest.fixture
def rooms(stores, tmp_path, monkeypatch):
    """Both places; the images' is as IMAGES says."""
    with (tmp_path / "i-3.raw").open("wb") as file:
        file.truncate(IMAGES.provisioned)
    disk = types.SimpleNamespace(total=IMAGES.total, free=IMAGES.free)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: disk)
    return Rooms(tmp_path, stores)


@pytest.mark.parametrize(
    ("left", "reserved", "told"),
    [
        (Room(200 * GIB, 40 * GIB, 900 * GIB), 0, "stores"),
        (Room(200 * GIB, 60 * GIB, 900 * GIB), 0, "images"),
        # Of 200 GiB 20 are reserved, of 100 only 10.
        (Room(200 * GIB, 55 * GIB, 900 * GIB), 10, "stores"),
        (Room(10 * GIB, 0, 0), 0, "stores"),
    ],
)
def test_the_place_that_is_full_first_is_told(
    rooms, stores, left, reserved, told
):
    stores.room.return_value = left
    assert rooms.smaller(reserved) == {"stores": left, "images": IMAGES}[told]


def test_what_both_have_promised_counts_where_they_are_one(rooms, stores):
    stores.room.return_value = Room(IMAGES.total, 49 * GIB, 900 * GIB)
    both = Room(IMAGES.total, 49 * GIB, 903 * GIB)
    assert rooms.smaller(0) == both


def test_an_agent_that_cannot_be_asked_is_told_of_once(rooms, stores, caplog):
    stores.room.side_effect = exceptions.ServerFault("no such method")
    for _ in range(3):
        assert rooms.smaller(0) == IMAGES
    assert caplog.text.count("no such method") == 1
    left = Room(10 * GIB, 0, 0)
    stores.room.side_effect = [left, exceptions.AnswerTimeout("away again")]
    assert rooms.smaller(0) == left
    assert rooms.smaller(0) == IMAGES
    assert "away again" in caplog.text


def test_without_the_folder_of_images_there_is_no_room(tmp_path, stores):
    stores.room.return_value = Room(10 * GIB, 5 * GIB, 0)
    assert Rooms(tmp_path / "none", stores).smaller(0) == Room(0, 0, 0)


def test_the_scheduler_is_told_gibibytes():
    [pool] = stats.of("b", "1", SECTION, IMAGES)["pools"]
    assert pool["total_capacity_gb"] == 100.0
    assert pool["free_capacity_gb"] == 50.0
    assert pool["provisioned_capacity_gb"] == 3.0
    assert pool["max_over_subscription_ratio"] == "20.0"
