# SPDX-License-Identifier: Apache-2.0
"""Stores that can overflow are watched: said once, and seen in the list."""

from __future__ import annotations

import logging

import pytest
from fake_node import SECTORS, Site

from virtman.instance import cow_usage
from virtman.instance.cow_file import store_sectors
from virtman.instance.cow_usage import Fill, State, StoreWatch, parse

CHUNK = 128
SMALL = 2048


@pytest.fixture
def site(kernel, settings):
    made = Site(kernel, settings(snapshot_min_mib=1))
    yield made
    made.close()


@pytest.fixture
def watch(site):
    return StoreWatch(site.settings)


@pytest.fixture
def small(site):
    """A disk whose store was given and is smaller than the image."""
    site.kernel.sys.add("dm-", SMALL, "/dev/mapper/given")
    site.create("vm1", device="/dev/mapper/given")

    def use(said):
        site.kernel.dm.devices["snapshot_vm1"].used = said

    return use


def said(caplog):
    """Return what was said since the last time, as (level, message)."""
    found = [(r.levelno, r.getMessage()) for r in caplog.records
             if "copy-on-write store" in r.getMessage()]  # fmt: skip
    caplog.clear()
    return found


@pytest.mark.parametrize(
    ("text", "fill"),
    [
        (f"16/{SMALL} 16", Fill(percent=0)),
        (f"1638/{SMALL} 16", Fill(percent=79)),
        (f"1640/{SMALL} 16", Fill(percent=80)),
        (f"1920/{SMALL} 16", Fill(percent=93)),
        (f"1921/{SMALL} 16", Fill(State.FULL, 100)),
        (f"{SMALL}/{SMALL} 16", Fill(State.FULL, 100)),
        ("Overflow", Fill(State.FULL, 100)),
        ("Invalid", Fill(State.INVALID)),
        ("Merge failed", Fill(State.INVALID)),
        ("Unknown", Fill()),
    ],
)
def test_a_line_of_the_kernels_status_is_understood(text, fill):
    assert parse(f"0 {SECTORS} snapshot {text}", CHUNK) == fill


def test_a_store_that_cannot_overflow_is_never_full():
    total = store_sectors(SECTORS, CHUNK)
    line = f"0 {SECTORS} snapshot {total}/{total} 16"
    assert parse(line, CHUNK) == Fill()
    assert parse(line.replace(str(total), str(total - 1)), CHUNK).percent


def test_a_store_that_fills_up_is_warned_of_once(small, watch, caplog):
    small(f"1600/{SMALL} 16")
    watch.turn()
    assert said(caplog) == []
    small(f"1700/{SMALL} 16")
    watch.turn()
    [(level, text)] = said(caplog)
    assert level == logging.WARNING
    assert "vm1" in text
    assert "83 %" in text
    small(f"1800/{SMALL} 16")
    watch.turn()
    assert said(caplog) == []


@pytest.mark.parametrize(
    ("used", "remedy"),
    [("Overflow", "enlarge the store"), ("Invalid", "destroy the instance")],
)
def test_a_store_that_is_full_or_lost_is_an_error_once(
    small, watch, caplog, used, remedy
):
    small(f"1700/{SMALL} 16")
    watch.turn()
    said(caplog)
    small(used)
    watch.turn()
    watch.turn()
    [(level, text)] = said(caplog)
    assert level == logging.ERROR
    assert remedy in text


def test_a_store_that_was_enlarged_is_warned_of_again(small, watch, caplog):
    for used in ("Overflow", f"1000/{SMALL} 16", "Overflow"):
        small(used)
        watch.turn()
    assert len(said(caplog)) == 2


def test_the_option_says_when_to_warn(small, site, caplog):
    site.start(snapshot_warn_percent=50)
    small(f"1030/{SMALL} 16")
    StoreWatch(site.settings).turn()
    assert [level for level, _ in said(caplog)] == [logging.WARNING]


def test_a_node_names_only_the_stores_that_are_broken(small, site):
    site.create("vm2")
    small(f"1700/{SMALL} 16")
    assert site.node.broken_stores() == {}
    small("Overflow")
    assert site.node.broken_stores() == {"vm1": State.FULL}


def test_one_command_asks_for_all_stores_and_none_if_there_are_none(site):
    assert cow_usage.usages(CHUNK) == {}
    assert site.kernel.called("dmsetup", "status", "--target") == []
    for name in ("vm1", "vm2:x"):
        site.create(name)
    assert cow_usage.usages(CHUNK) == {"vm1": Fill(), "vm2:x": Fill()}
    assert len(site.kernel.called("dmsetup", "status", "--target")) == 1


def test_a_snapshot_that_is_not_ours_is_not_looked_at(site, watch, caplog):
    site.create("vm1")
    site.kernel.dm.foreign("snapshot_vm9", 8)
    site.kernel.dm.devices["snapshot_vm9"].table = "0 8 snapshot 8:0 8:1 N 8"
    site.kernel.dm.devices["snapshot_vm9"].used = "Invalid"
    watch.turn()
    assert said(caplog) == []


def test_an_instance_that_is_destroyed_is_forgotten(small, site, watch):
    small("Overflow")
    watch.turn()
    site.node.destroy("vm1")
    watch.turn()
    assert not watch._logged.forget("vm1")


def test_a_dmsetup_that_fails_does_not_keep_the_list_from_being_read(
    site, caplog
):
    site.create("vm1")
    site.kernel.refuse("dmsetup", "status")
    assert site.node.broken_stores() == {}
    assert "the fill of the COW stores is unknown" in caplog.text
    site.kernel.relent()
