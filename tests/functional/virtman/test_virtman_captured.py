# SPDX-License-Identifier: Apache-2.0
"""Parsers against what the real tools printed, and against damaged text."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtman.drivers import dmsetup, iscsi, nbd, portal
from virtman.drivers.connector import Connector
from virtman.drivers.iscsi import Target
from virtman.drivers.nbd import Extent
from virtman.exception import LayerError
from virtman.image.layers import multipath
from virtman.path import Source

IQN = "iqn.2010-10.org.openstack:volume-image"
LISTING = pathlib.Path(__file__).parents[2] / "data/virtman"
LINES = (LISTING / "tgtadm_show_image_server.txt").read_text().splitlines()


def test_targets_are_read_with_their_disk_their_serial_and_who_is_there(
    captured,
):
    assert iscsi.parse(captured("tgtadm_show_image_server.txt")) == [
        Target(1, IQN + "1", "/dev/loop0", "VMT5325E2CC15DE3D49",
               ["iqn.2026-01.lab:a"], ["ALL"], ["10.77.0.2"]),
        Target(2, IQN + "10", "/dev/loop1", "VMTA71B510BE12317E4",
               ["iqn.2026-01.lab:a"], ["ALL"], ["10.77.0.2"]),
    ]  # fmt: skip


def test_targets_without_a_reader_have_no_initiators(captured):
    targets = iscsi.parse(captured("tgtadm_show_node.txt"))
    assert [target.initiators for target in targets] == [[], []]
    assert targets[0].device == "/dev/mapper/cached_volume-image1"


def test_a_target_is_found_by_its_whole_name_only(say, captured):
    say(captured("tgtadm_show_image_server.txt"))
    assert iscsi.find(IQN + "1").tid == 1
    assert iscsi.find(IQN + "10").tid == 2
    assert iscsi.find(IQN) is None
    assert iscsi.find(IQN + "100") is None


def test_a_target_without_a_disk_has_none(captured):
    text = captured("tgtadm_show_node.txt").split("        LUN: 1\n")[0]
    assert iscsi.parse(text) == [Target(1, IQN + "1")]


def test_no_output_means_no_target():
    assert iscsi.parse("") == []


@pytest.mark.parametrize(
    "line",
    ["            Initiator: iqn.x alias: y", "        LUN: one", "Target : x",
     "Target 1 iqn.x", "            SCSI SN: ", ": ", "\x00", "LUN: \udc80"],
)  # fmt: skip
def test_a_line_that_makes_no_sense_changes_nothing_else(captured, line):
    text = captured("tgtadm_show_image_server.txt")
    assert iscsi.parse(f"{line}\n{text}") == iscsi.parse(text)
    assert len(iscsi.parse(f"{text}\n{line}\n")) == 2


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=40), max_size=60))
def test_no_listing_however_damaged_makes_the_reader_fail(lines):
    for target in iscsi.parse("\n".join(lines)):
        assert target.iqn


def test_extents_are_read_with_their_depth(say, captured):
    say(captured("nbdinfo_allocation_depth.json"))
    assert nbd.extents(pathlib.Path("/run/a.nbd"), "image") == [
        Extent(0, 262144, 3),
        Extent(262144, 524288, 1),
        Extent(786432, 1310720, 3),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "nbdinfo: no", "[1]", "[{}]", '[{"offset": 0}]', "null",
     '[{"offset": "x", "length": 1, "type": 1}]', '[{"offset": 0, "len'],
)  # fmt: skip
def test_an_answer_that_is_no_map_is_a_failure_that_shows_it(say, text):
    say(text)
    with pytest.raises(LayerError, match=r"/run/a\.nbd"):
        nbd.extents(pathlib.Path("/run/a.nbd"), "image")


def test_the_disks_under_a_multipath_device_are_found(captured):
    devices = [
        multipath.devices_of(line)
        for line in captured("dmsetup_table.txt").splitlines()
        if line.startswith("multipath_")
    ]
    assert devices == [["8:0"], ["8:16"]]


def test_the_tables_we_write_are_those_the_kernel_prints(captured):
    lines = dict(
        line.split(": ", 1)
        for line in captured("dmsetup_table.txt").splitlines()
    )
    ours = multipath.table(4096, ["8:0"])
    printed = lines["multipath_volume-image1"].strip()
    # The kernel has ignored the repeat count since 4.6, and prints 1.
    assert ours.removesuffix(" 128") + " 1" == printed
    assert dmsetup.sectors_of(lines["cached_volume-image1"]) == 4096


def test_a_busy_device_is_recognised_by_what_dmsetup_says(captured):
    busy, *_ = captured("refusals.txt").splitlines()
    assert "busy" in busy.lower()
    assert captured("refusals.txt").lower().count("busy") == 1


@pytest.mark.parametrize(
    ("iqn", "served"),
    [(IQN + "1", True), (IQN + "10", True), (IQN, False), (IQN + "0", False)],
)
def test_a_portal_serves_what_it_lists_and_nothing_else(
    say, captured, monkeypatch, iqn, served
):
    monkeypatch.setattr(portal, "listens", lambda source: True)
    say("\n" + captured("iscsiadm_sendtargets.txt") + "garbage\n\n")
    source = Source("10.77.0.1", 3260, iqn)
    assert Connector(pathlib.Path("/nowhere")).serves(source) is served


def test_a_portal_that_nobody_listens_on_is_not_asked(say):
    say("127.0.0.1:1,1 " + IQN)
    source = Source("127.0.0.1", 1, IQN)
    assert not Connector(pathlib.Path("/nowhere")).serves(source)
