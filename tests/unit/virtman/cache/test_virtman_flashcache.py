# SPDX-License-Identifier: Apache-2.0
"""The flashcache engine over a device mapper in memory."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading

import pytest
from device_mapper import DeviceMapper, Killed

from virtman import conf, privsep
from virtman.cache.flashcache import spans
from virtman.cache.flashcache.engine import FlashcacheEngine
from virtman.exception import (
    CommandError,
    ConfigError,
    InUse,
    LayerError,
    LayerMismatch,
    NoSpace,
    RollbackError,
)
from virtman.stack import State

SECTORS = {"volume-a": 2051, "volume-b": 4096, "volume-c": 1000}
GROUP = ["cache_fcg", "fcg", "ssd_fcg"]


@pytest.fixture(scope="module")
def options():
    return conf.settings(conf.parse(["--config-file", os.devnull]))


@pytest.fixture
def settings(options):
    return dataclasses.replace(options, fcg_ssds=("/dev/sda", "/dev/sdb"))


@pytest.fixture
def mapper(tmp_path, monkeypatch):
    mapper = new_mapper(tmp_path / "first", monkeypatch)
    return mapper


def new_mapper(root, monkeypatch):
    mapper = DeviceMapper(root)
    mapper.install(monkeypatch)
    mapper.add("/dev/sda", 8200)
    mapper.add("/dev/sdb", 4096)
    for image, sectors in SECTORS.items():
        mapper.add(f"/dev/{image}", sectors)
    return mapper


@pytest.fixture
def engine(settings, mapper):
    return FlashcacheEngine(settings)


def activate(engine, image):
    return engine.activate(image, f"/dev/{image}", SECTORS[image])


def start(mapper, image):
    return int(mapper.tables[f"cached_{image}"].split()[4])


def members(mapper):
    return spans.parse(mapper.tables["fcg"]).members


def test_the_first_image_makes_the_group(engine, mapper):
    path = activate(engine, "volume-a")
    assert path == "/dev/mapper/cached_volume-a"
    assert mapper.names() == ["cache_fcg", "cached_volume-a", "fcg", "ssd_fcg"]
    assert mapper.tables["fcg"].splitlines() == [
        "0 2051 linear 253:2 0",
        "2051 2199023253501 error",
    ]
    assert mapper.tables["ssd_fcg"].splitlines() == [
        "0 8192 linear 253:0 0",
        "8192 4096 linear 253:1 0",
    ]


def test_the_tool_is_told_what_the_options_say(mapper, settings):
    engine = FlashcacheEngine(
        dataclasses.replace(settings, fcg_pattern="through", fcg_name="g")
    )
    activate(engine, "volume-a")
    tools = [argv for argv in mapper.commands if argv[0] != "dmsetup"]
    assert tools == [
        ["flashcache_destroy", "/dev/mapper/ssd_g"],
        [
            "flashcache_create", "-p", "thru", "-b", "4k", "-s", "6M",
            "cache_g", "/dev/mapper/ssd_g", "/dev/mapper/g",
        ],
    ]  # fmt: skip


def test_an_image_is_shown_read_only(engine, mapper):
    activate(engine, "volume-a")
    [command] = [c for c in mapper.commands if c[-1] == "cached_volume-a"]
    assert "--readonly" in command


def test_another_image_joins_the_group(engine, mapper):
    activate(engine, "volume-a")
    activate(engine, "volume-b")
    assert start(mapper, "volume-b") == 2176
    assert [span.length for span in members(mapper)] == [2051, 4096]


def test_an_image_that_comes_back_gets_other_sectors(engine, mapper):
    activate(engine, "volume-a")
    activate(engine, "volume-b")
    before = start(mapper, "volume-b")
    assert engine.deactivate("volume-b")
    activate(engine, "volume-c")
    activate(engine, "volume-b")
    assert start(mapper, "volume-c") >= before + SECTORS["volume-b"]
    assert start(mapper, "volume-b") > start(mapper, "volume-c")


def test_the_last_image_takes_the_group_with_it(engine, mapper):
    for image in ("volume-a", "volume-b"):
        activate(engine, image)
    assert engine.deactivate("volume-a")
    assert mapper.names() == ["cache_fcg", "cached_volume-b", "fcg", "ssd_fcg"]
    assert engine.deactivate("volume-b")
    assert mapper.names() == []
    assert mapper.commands[-3][0] == "flashcache_destroy"
    assert not engine.deactivate("volume-b")


def test_status_tells_absent_active_and_mismatch(engine, mapper, settings):
    assert engine.status("volume-a", 2051).state is State.ABSENT
    activate(engine, "volume-a")
    restarted = FlashcacheEngine(settings)
    assert restarted.status("volume-a", 2051).state is State.ACTIVE
    assert restarted.status("volume-a", 2052).state is State.MISMATCH
    mapper.tables["cached_volume-a"] = "0 2051 linear 253:2 0"
    assert restarted.status("volume-a", 2051).state is State.MISMATCH


def test_a_swap_that_fails_leaves_the_group_as_it_was(engine, mapper):
    activate(engine, "volume-a")
    before = dict(mapper.tables)
    mapper.failing = "resume"
    with pytest.raises(CommandError, match="told to fail"):
        activate(engine, "volume-b")
    assert (mapper.tables, mapper.inactive) == (before, {})
    assert mapper.suspended() == []


def test_a_swap_without_an_end_tells_who_waits(engine, mapper):
    activate(engine, "volume-a")
    late = CommandError(["dmsetup", "resume"], None, "", "no end in 1 s")

    def resume(*args):
        raise late

    mapper._resume = resume
    with pytest.raises(LayerError, match=r"wait for a source.*no end in 1 s"):
        activate(engine, "volume-b")
    assert len(members(mapper)) == 1


def test_an_image_that_cannot_be_shown_leaves_the_group(engine, mapper):
    activate(engine, "volume-a")
    mapper.failing = "create .* cached_volume-b"
    with pytest.raises(CommandError, match="told to fail"):
        activate(engine, "volume-b")
    assert [span.length for span in members(mapper)] == [2051]
    mapper.failing = None
    activate(engine, "volume-b")
    assert start(mapper, "volume-b") == 2176 + 4096


def test_a_roll_back_that_fails_tells_both_errors(engine, mapper):
    activate(engine, "volume-a")
    mapper.failing = "create .* cached_volume-b"
    swap = mapper._load

    def load_once(*args):
        swap(*args)
        mapper.failing += "|load"

    mapper._load = load_once
    with pytest.raises(RollbackError, match=r"cached_volume-b.*load") as both:
        activate(engine, "volume-b")
    assert "cached_volume-b" in str(both.value.cause)
    assert "load" in str(both.value.rollback)


@pytest.mark.parametrize(
    "failing",
    ["create .* fcg", "create .* ssd_fcg", "flashcache_create", "rename"],
)
def test_a_group_that_cannot_be_made_leaves_nothing(engine, mapper, failing):
    mapper.failing = failing
    with pytest.raises(LayerError, match="told to fail"):
        activate(engine, "volume-a")
    mapper.failing = None
    engine.deactivate("volume-a")
    assert mapper.names() == []


def test_a_tool_that_makes_nothing_is_found_out(engine, mapper, monkeypatch):
    monkeypatch.setattr(privsep, "flashcache_create", lambda *args: "")
    with pytest.raises(LayerError, match="cache_fcg is not there"):
        activate(engine, "volume-a")
    assert mapper.names() == []


def test_an_image_in_use_stays_in_the_group(engine, mapper):
    activate(engine, "volume-a")
    table = "0 8 linear /dev/mapper/cached_volume-a 0"
    mapper.dmsetup("create", "reader", table=table)
    before = dict(mapper.tables)
    with pytest.raises(InUse):
        engine.deactivate("volume-a")
    assert mapper.tables == before


def test_a_group_that_cannot_go_is_used_again(engine, mapper, caplog):
    activate(engine, "volume-a")
    table = "0 8 linear /dev/mapper/cache_fcg 0"
    mapper.dmsetup("create", "reader", table=table)
    assert engine.deactivate("volume-a")
    assert mapper.names() == ["cache_fcg", "fcg", "reader", "ssd_fcg"]
    assert "kept" in caplog.text
    activate(engine, "volume-a")
    assert start(mapper, "volume-a") == 2176


def test_a_broken_group_is_refused_and_not_touched(engine, mapper):
    activate(engine, "volume-a")
    for name in ("cached_volume-a", "cache_fcg"):
        mapper.dmsetup("remove", name)
    before = dict(mapper.tables)
    with pytest.raises(LayerMismatch, match="'dmsetup remove ssd_fcg fcg'"):
        activate(engine, "volume-b")
    assert not engine.deactivate("volume-a")
    assert mapper.tables == before


@pytest.mark.parametrize("name", GROUP)
def test_somebody_else_s_device_is_refused_and_not_touched(
    engine, mapper, name
):
    mapper.dmsetup("create", name, table="0 8 zero")
    with pytest.raises(LayerMismatch, match=f"{name} is taken"):
        activate(engine, "volume-a")
    assert mapper.tables == {name: "0 8 zero"}


def test_a_missing_ssd_is_named(mapper, settings):
    absent = dataclasses.replace(settings, fcg_ssds=("/dev/sda", "/dev/no"))
    with pytest.raises(LayerError, match="fcg_ssds: /dev/no is no block"):
        FlashcacheEngine(absent).require_space("volume-a", 8)


def test_an_ssd_that_is_held_is_named(engine, mapper, monkeypatch):
    reasons = {"/dev/sdb": "Device or resource busy"}
    monkeypatch.setattr(privsep, "claimable", reasons.get)
    with pytest.raises(InUse, match="fcg_ssds: /dev/sdb is in use"):
        activate(engine, "volume-a")
    assert mapper.commands == []


def test_a_group_that_is_being_made_does_not_look_like_somebody_else_s(
    engine, mapper, monkeypatch
):
    """Two images at once: the second is asked for while the first builds."""
    asked = []

    def make_cache(*args):
        monkeypatch.setattr(privsep, "claimable", lambda path: "busy")
        other = threading.Thread(
            target=lambda: asked.append(engine.require_space("volume-b", 8))
        )
        other.start()
        other.join(0.2)
        assert asked == [], "did not wait for the group"
        threads.append(other)
        return mapper._make_cache(*args)

    threads = []
    monkeypatch.setattr(privsep, "flashcache_create", make_cache)
    activate(engine, "volume-a")
    threads[0].join(30)
    assert asked == [None]


def test_an_ssd_named_twice_is_refused(mapper, settings):
    mapper.folders["/dev/disk"] = mapper.folders["/dev/sda"]
    twice = dataclasses.replace(settings, fcg_ssds=("/dev/sda", "/dev/disk"))
    with pytest.raises(LayerError, match="/dev/disk and /dev/sda are the"):
        FlashcacheEngine(twice).require_space("volume-a", 8)


def test_a_disk_of_another_size_is_refused(engine, mapper):
    with pytest.raises(LayerError, match="/dev/volume-a has 2051 sectors"):
        engine.activate("volume-a", "/dev/volume-a", 4096)
    assert mapper.commands == []


def test_more_images_than_the_ssds_hold_are_a_warning(engine, mapper, caplog):
    with caplog.at_level(logging.WARNING):
        engine.require_space("volume-a", 12288)
        assert not caplog.records
        engine.require_space("volume-a", 12289)
    assert "not every block" in caplog.text


def test_an_image_larger_than_the_group_is_no_space(engine, mapper):
    with pytest.raises(NoSpace):
        engine.require_space("volume-a", spans.TOTAL)


def test_a_group_name_that_no_device_can_have_is_a_config_error(settings):
    with pytest.raises(ConfigError, match="fcg_name"):
        FlashcacheEngine(dataclasses.replace(settings, fcg_name="a/b"))


@pytest.mark.parametrize("neighbour", [True, False])
@pytest.mark.parametrize("leaving", [True, False])
def test_an_agent_killed_at_any_step_is_recovered_from(
    tmp_path, monkeypatch, settings, neighbour, leaving
):
    """With or without another image; while b comes, and while it goes."""
    for step in range(100):
        mapper = new_mapper(tmp_path / str(step), monkeypatch)
        if not kill(settings, mapper, step, neighbour, leaving):
            break
        engine = FlashcacheEngine(settings)
        if neighbour:
            assert engine.status("volume-a", 2051).state is State.ACTIVE
        recover(engine, mapper, settings)
        if neighbour:
            assert len(members(mapper)) == 1
            engine.deactivate("volume-a")
        assert mapper.names() == []
    assert step >= 3


def kill(settings, mapper, step, neighbour, leaving):
    """Begin what is asked for and die before command ``step`` of it."""
    engine = FlashcacheEngine(settings)
    if neighbour:
        activate(engine, "volume-a")
    if leaving:
        activate(engine, "volume-b")
    mapper.kill_at = len(mapper.commands) + step
    try:
        if leaving:
            engine.deactivate("volume-b")
        else:
            activate(engine, "volume-b")
    except Killed:
        return True
    finally:
        mapper.revive()
    return False


def recover(engine, mapper, settings):
    """Have b, then have it no more, as the agent after that would."""
    if engine.status("volume-b", 4096).state is State.ABSENT:
        activate(engine, "volume-b")
        assert mapper.suspended() == []
    assert engine.status("volume-b", 4096).state is State.ACTIVE
    spans = members(mapper)
    assert [s.start for s in spans if s.length == 4096] == [
        start(mapper, "volume-b")
    ]
    engine.deactivate("volume-b")
    assert mapper.suspended() == []


def test_an_agent_killed_while_it_adds_leaves_nothing_to_the_next_removal(
    tmp_path, monkeypatch, settings
):
    for step in range(100):
        mapper = new_mapper(tmp_path / str(step), monkeypatch)
        if not kill(settings, mapper, step, True, False):
            break
        engine = FlashcacheEngine(settings)
        engine.deactivate("volume-b")
        assert [span.length for span in members(mapper)] == [2051]
        assert mapper.suspended() == []
    assert step >= 3
