# SPDX-License-Identifier: Apache-2.0
"""The multipath device: its tables, read and written, and its live paths."""

from __future__ import annotations

import pytest
from fake_dm import Refused
from fake_portals import source
from hypothesis import given
from hypothesis import strategies as st

from virtman.exception import CommandError, InUse, LayerMismatch
from virtman.image.layers import multipath
from virtman.image.layers.multipath import Gate, Multipath
from virtman.path import Path

SECTORS = 2048
NAME = "multipath_volume-a"
DEVICE = f"/dev/mapper/{NAME}"

numbers = st.builds("{}:{}".format, st.integers(1, 511), st.integers(0, 2**20))


@pytest.fixture
def layer(kernel):
    return Multipath("volume-a", SECTORS)


@pytest.fixture
def disks(kernel):
    """Paths to three hosts."""

    def path(host):
        name = kernel.sys.add("sd", SECTORS)
        return Path(source(host), f"/dev/{name}", SECTORS)

    return [path(host) for host in ("parent", "uncle", "server")]


def test_a_table_has_a_group_a_path_in_order_and_queues():
    assert multipath.table(8, ["8:0", "8:16"]) == (
        "0 8 multipath 1 queue_if_no_path 0 2 1 "
        "queue-length 0 1 1 8:0 128 queue-length 0 1 1 8:16 128"
    )


def test_a_table_without_a_path_queues_all_the_same():
    assert multipath.table(8, []) == "0 8 multipath 1 queue_if_no_path 0 0 0"


@given(st.lists(numbers, max_size=6))
def test_the_disks_of_a_table_are_read_back_in_order(disks):
    assert multipath.devices_of(multipath.table(8, disks)) == disks


@pytest.mark.parametrize(
    ("line", "disks"),
    [
        ("0 131072 multipath 1 queue_if_no_path 0 2 1 queue-length 0 1 1 8:0 "
         "1 queue-length 0 1 1 8:16 1", ["8:0", "8:16"]),
        ("0 131072 multipath 1 queue_if_no_path 0 1 1 queue-length 0 1 1 "
         "65:128 128 ", ["65:128"]),
        ("0 131072 multipath 0 0 0 0", []),
        ("0 131072 multipath 1 queue_if_no_path 0 0 0", []),
        ("", []),
        ("0 131072 multipath 0 0 1 1 queue-length 0 1", []),
        ("0 131072 multipath 0 0 1 1 queue-length", []),
    ],
)  # fmt: skip
def test_the_disks_of_a_table_that_the_kernel_prints_are_found(line, disks):
    assert multipath.devices_of(line) == disks


def test_it_is_born_read_only_without_a_path_and_shut(kernel, layer):
    assert layer.activate("") == (DEVICE, True)
    (create,) = kernel.called("dmsetup", "create")
    assert "--readonly" in create
    assert "virtman-1-multipath-volume-a" in create
    assert kernel.dm.devices[NAME].table == "0 2048 multipath 0 0 0 0"


def test_it_is_adopted_when_it_stands(kernel, layer):
    layer.activate("")
    again = Multipath("volume-a", SECTORS)
    assert again.activate("") == (DEVICE, False)
    assert len(kernel.called("create")) == 1


def test_a_device_of_another_size_is_refused(kernel, layer):
    layer.activate("")
    with pytest.raises(LayerMismatch, match=r"2048 sectors.* 4096"):
        Multipath("volume-a", 4096).activate("")


@pytest.mark.parametrize("uuid", ["", "mpath-volume-a", "virtman-1-cached-x"])
def test_a_device_that_has_our_name_but_is_not_ours_is_never_touched(
    kernel, layer, disks, uuid
):
    kernel.dm.foreign(NAME, SECTORS, uuid)
    for touch in (
        lambda: layer.activate(""),
        lambda: layer.update(disks),
        layer.open,
        layer.deactivate,
    ):
        with pytest.raises(LayerMismatch, match=r"is taken by"):
            touch()
    assert kernel.calls == []


def test_opening_lets_it_queue_and_is_done_once(kernel, layer):
    layer.activate("")
    told = []
    gate = Gate(layer, lambda: told.append(kernel.dm.devices[NAME].table))
    assert gate.activate("/dev/engine") == ("/dev/engine", True)
    (table,) = told
    assert "queue_if_no_path" in table
    assert not layer.open()
    assert not gate.deactivate()
    assert len(kernel.called("message")) == 1


def test_opening_what_is_not_there_changes_nothing(kernel, layer):
    assert not layer.open()
    assert kernel.calls == []


def test_paths_are_put_under_the_live_device_read_only(kernel, layer, disks):
    layer.activate("")
    assert layer.update(disks[:2])
    device = kernel.dm.devices[NAME]
    assert multipath.devices_of(device.table) == ["8:0", "8:1"]
    assert not device.suspended
    (load,) = kernel.called("load")
    assert "--readonly" in load


def test_the_same_paths_again_reload_nothing(kernel, layer, disks):
    layer.activate("")
    layer.update(disks)
    kernel.calls.clear()
    assert layer.update(disks) is False
    assert [call[1] for call in kernel.calls] == ["table"]


def test_another_order_is_a_change(kernel, layer, disks):
    layer.activate("")
    layer.update(disks)
    assert layer.update(disks[::-1])
    table = kernel.dm.devices[NAME].table
    assert multipath.devices_of(table) == ["8:2", "8:1", "8:0"]


def test_no_device_yet_is_said_and_no_error(kernel, layer, disks):
    assert layer.update(disks) is None


def test_a_table_that_does_not_load_leaves_the_old_one_running(
    kernel, layer, disks
):
    layer.activate("")
    layer.update(disks[:1])
    kernel.refuse("dmsetup", "load")
    with pytest.raises(CommandError):
        layer.update(disks)
    device = kernel.dm.devices[NAME]
    assert multipath.devices_of(device.table) == ["8:0"]
    assert not device.suspended
    assert len(kernel.called("resume")) == 1


def test_a_swap_that_fails_leaves_the_old_table_and_no_new_one(
    kernel, layer, disks
):
    layer.activate("")
    layer.update(disks[:1])
    kernel.refuse("dmsetup", "resume")
    with pytest.raises(CommandError):
        layer.update(disks)
    device = kernel.dm.devices[NAME]
    assert multipath.devices_of(device.table) == ["8:0"]
    assert (device.suspended, device.loaded) == (False, None)


STATUS = "0 131072 multipath 2 0 0 0 2 2 E 0 1 1 8:0 F 1 0 A 0 1 1 8:16 A 0 0 "


@pytest.mark.parametrize(
    ("line", "states"),
    [
        (STATUS, {"8:0": "F", "8:16": "A"}),
        ("0 4096 multipath 2 1 0 0 1 1 E 0 1 1 65:128 A 0 12 ",
         {"65:128": "A"}),
        ("0 4096 multipath 2 0 0 0 0 0", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_the_states_of_the_disks_are_read_from_the_status(line, states):
    assert multipath.states_of(line) == states


def test_the_paths_that_the_kernel_does_not_use_are_told(kernel, layer, disks):
    assert layer.failed(disks) == []
    layer.activate("")
    assert layer.failed(disks) == []
    layer.update(disks)
    kernel.dm.devices[NAME].failed = {"8:0", "8:2"}
    assert layer.failed(disks) == [disks[0], disks[2]]


def test_a_device_that_goes_while_it_is_asked_has_no_failed_path(
    kernel, layer, disks
):
    layer.activate("")
    layer.update(disks)

    def go_away(args, _):
        kernel.tools["dmsetup"] = kernel.dm
        kernel.dm(["remove", NAME], None)
        raise Refused("Device does not exist.")

    kernel.tools["dmsetup"] = go_away
    assert layer.failed(disks) == []


def test_a_device_that_does_not_tell_is_no_device_in_order(
    kernel, layer, disks
):
    layer.activate("")
    kernel.refuse("dmsetup", "status")
    with pytest.raises(CommandError):
        layer.failed(disks)


def test_a_path_is_failed_and_taken_back_without_a_new_table(
    kernel, layer, disks
):
    layer.activate("")
    layer.update(disks[:2])
    kernel.dm.devices[NAME].messages.clear()
    assert layer.fail(disks[0])
    assert layer.failed(disks) == [disks[0]]
    assert layer.take_back(disks[0])
    assert layer.failed(disks) == []
    assert kernel.dm.devices[NAME].messages == [
        "fail_path 8:0", "reinstate_path 8:0", "switch_group 1",
    ]  # fmt: skip


def test_reads_go_to_the_best_path_that_is_in_order(kernel, layer, disks):
    layer.activate("")
    layer.update(disks)
    for path in disks[:2]:
        layer.fail(path)
    layer.take_back(disks[1])
    assert kernel.dm.devices[NAME].messages[-1] == "switch_group 2"


def test_what_is_not_under_the_device_is_neither_failed_nor_taken_back(
    kernel, layer, disks
):
    assert not layer.fail(disks[0])
    assert not layer.take_back(disks[0])
    layer.activate("")
    layer.update(disks[:1])
    assert not layer.fail(disks[1])
    assert not layer.take_back(disks[1])
    assert not layer.take_back(disks[0]), "it has not failed"
    kernel.sys.stand_on(kernel.dm.devices[NAME].kernel_name, [])
    kernel.sys.remove("sda")
    assert not layer.fail(disks[0])


def test_it_does_not_go_while_something_stands_on_it(kernel, layer):
    layer.activate("")
    kernel.run(["dmsetup", "create", "x"], f"0 8 linear {DEVICE} 0")
    with pytest.raises(InUse, match=f"{DEVICE} is in use by dm-1"):
        layer.deactivate()
    kernel.run(["dmsetup", "remove", "x"])
    assert layer.deactivate()
    assert not layer.deactivate()
