# SPDX-License-Identifier: Apache-2.0
"""A flashcache group on a real kernel: everything but the target itself.

A node runs ``flashcache/scenario.py`` with stand-ins of flashcache's two
programs, whose cache is a plain linear; what it found is judged here.
"""

from __future__ import annotations

import itertools
import json
import sys

import pytest

from demo.site import CHECKOUT

pytestmark = pytest.mark.lab

HERE = CHECKOUT / "tests" / "lab" / "flashcache"
TOTAL = 2199023255552


@pytest.fixture(scope="module")
def node(lab_site):
    return lab_site.computes[0]


@pytest.fixture(scope="module")
def facts(node):
    before = node.leftovers()
    told = node.run(
        [
            "env",
            f"PATH={HERE / 'standin'}:/usr/sbin:/usr/bin:/sbin:/bin",
            f"PYTHONPATH={CHECKOUT}",
            sys.executable,
            str(HERE / "scenario.py"),
        ],
        timeout=600,
    )
    return json.loads(told.stdout) | {"held": [before, node.leftovers()]}


@pytest.fixture(scope="module")
def live(facts):
    return facts["live"]


@pytest.fixture(scope="module")
def restart(facts):
    return facts["restart"]


@pytest.fixture(scope="module")
def refusals(facts):
    return facts["refusals"]


def lines(table):
    return [line.split() for line in table.splitlines()]


def test_the_first_image_makes_the_group_with_the_contract_s_tables(live):
    first, size = live["first"], live["sectors"]["a"]
    assert lines(first["fcg"]) == [
        ["0", str(size), "linear", first["source"], "0"],
        [str(size), str(TOTAL - size), "error"],
    ]
    assert first["cached"] == f"0 {size} linear {first['cache']} 0"


def test_two_ssds_follow_on_each_other(live):
    one, two, _ = live["first"]["ssd_numbers"]
    assert lines(live["first"]["ssd_fcg"]) == [
        ["0", "24576", "linear", one, "0"],
        ["24576", "16384", "linear", two, "0"],
    ]


def test_three_ssds_follow_on_each_other_byte_by_byte(refusals):
    assert len(lines(refusals["adopted"]["ssd_fcg"])) == 3
    assert refusals["ssd_same"]


def test_every_image_reads_as_its_disk(live, restart):
    assert live["same"] == {"a": True, "b": True, "c": True}
    assert restart["same"] == {"a": True, "b": True, "c": True, "d": True}


def test_no_sector_is_handed_out_twice(live):
    starts = live["starts"]
    assert len(starts) == 4
    assert all(start % 128 == 0 for start, _ in starts)
    for (_, end), (start, _) in itertools.pairwise(starts):
        assert start >= end


def test_a_reader_notices_no_change_of_the_group(live):
    assert live["reader"]["faults"] == []
    assert live["reader"]["right"] >= 8


def test_an_image_without_its_disk_changes_nothing(live):
    refused = live["no_source"]
    assert "/dev/mapper/nowhere has 0 sectors" in refused["error"]
    assert refused["unchanged"] and refused["members_unchanged"]


def test_an_image_that_cannot_be_shown_leaves_the_group(live):
    refused = live["name_taken"]
    assert "cached_volume-d" in refused["error"]
    assert refused["unchanged"] and refused["members_unchanged"]
    # Its sectors were handed out, and are retired.
    assert lines(live["last"]["fcg"])[-2][2] == "error"


def test_a_restarted_agent_finds_its_images(live, restart):
    assert restart["before"]["fcg"] == live["last"]["fcg"]
    assert restart["status"] == live["status"]
    assert restart["status"] == {
        "a": "active",
        "b": "active",
        "c": "active",
        "d": "absent",
    }
    assert restart["wrong_size"] == "mismatch"


def test_what_a_killed_agent_left_leaves_with_the_next_change(restart):
    """A disk nothing shows, and a group suspended amid a change."""
    number = restart["after"]["source"]
    members = [line for line in lines(restart["after"]["fcg"]) if line[4:]]
    assert [line[3] for line in members].count(number) == 1
    start = int(restart["after"]["cached"].split()[4])
    assert int(members[-1][0]) == start
    assert start > int(lines(restart["before"]["fcg"])[-1][0])


def test_the_last_image_takes_the_group_and_its_blocks_with_it(restart):
    assert restart["gone"] == [True, True, True, True]
    assert restart["again"] is False
    assert restart["left"] == []
    assert not restart["marked"]


def test_a_device_that_is_not_ours_is_refused_and_kept(refusals):
    assert "ssd_fcg is taken" in refusals["foreign"]["error"]
    assert refusals["foreign_stays"] == ["ssd_fcg"]


def test_an_ssd_that_is_held_is_named(refusals):
    assert refusals["held"]["kind"] == "InUse"
    assert "fcg_ssds: /dev/loop" in refusals["held"]["error"]
    assert refusals["held"]["unchanged"]


def test_a_group_whose_maker_was_killed_is_adopted(refusals):
    assert lines(refusals["adopted"]["fcg"])[0][0] == "0"
    assert refusals["unmarked"] == ["cache_fcg", "fcg", "ssd_fcg"]


def test_a_broken_group_is_refused_and_the_remedy_told_works(refusals):
    assert refusals["broken"]["kind"] == "LayerMismatch"
    assert refusals["broken_sweep"] is False
    assert refusals["broken_stays"] == ["fcg", "ssd_fcg"]
    assert refusals["mended"]


def test_a_read_that_waits_for_its_source_refuses_a_change(facts):
    refused = facts["stuck"]["refused"]
    assert "wait for a source" in refused["error"]
    assert refused["unchanged"] and facts["stuck"]["unchanged"]


def test_the_read_that_waited_ends_well(facts):
    assert facts["stuck"]["suspended"] == ["multipath_volume-a"]
    assert facts["stuck"]["reader"]["faults"] == []
    assert facts["stuck"]["reader"]["right"] >= 4
    assert facts["stuck"]["same"] == [True, True]


def test_nothing_is_left(facts):
    assert facts["refusals"]["left"] == []
    assert facts["stuck"]["left"] == []
    before, after = facts["held"]
    assert after == before
