# SPDX-License-Identifier: Apache-2.0
"""The hydration map sends a read to the local file only where it is whole."""

from __future__ import annotations

import itertools
import threading

import pytest
from fake_portals import PATIENCE
from hypothesis import example, given
from hypothesis import strategies as st
from switch_model import DmSwitch

from virtman import sysfs
from virtman.cache.qemu import hydration_map, hydrator
from virtman.cache.qemu.hydration_map import (
    ENGINE,
    LOCAL,
    REGION,
    HydrationMap,
    all_on_engine,
    local_runs,
    messages,
)
from virtman.drivers.nbd import Extent
from virtman.exception import CommandError

CLUSTER = 65536
SECTORS_MAX = 128 * 700


@st.composite
def answers(draw):
    """A size in sectors and what a server may say of it: no gaps."""
    sectors = draw(st.integers(1, SECTORS_MAX))
    size = sectors * sysfs.SECTOR
    cuts = draw(st.lists(st.integers(1, size), max_size=40))
    aligned = draw(st.booleans())
    if aligned:
        cuts = [cut // CLUSTER * CLUSTER for cut in cuts]
    edges = sorted({0, size, *cuts})
    extents = [
        Extent(start, end - start, draw(st.integers(0, 3)))
        for start, end in itertools.pairwise(edges)
    ]
    return sectors, extents


def whole_and_local(sectors, extents):
    """Say region by region, byte by byte in effect, what is local."""
    size = sectors * sysfs.SECTOR
    verdict = []
    for start in range(0, size, REGION):
        end = min(start + REGION, size)
        verdict.append(
            all(
                extent.depth == 1
                for extent in extents
                if extent.offset < end
                and extent.offset + extent.length > start
            )
        )
    return verdict


def regions_of(runs):
    return [n for first, count in runs for n in range(first, first + count)]


@given(st.integers(1, SECTORS_MAX))
@example(1)
@example(128)
@example(129)
@example(128 * 4096)
def test_before_anybody_reads_every_region_is_on_the_engine(sectors):
    switch = DmSwitch(hydration_map.regions(sectors))
    switch.message(all_on_engine(sectors))
    assert set(switch.map) == {ENGINE}


@given(answers())
def test_a_region_is_local_when_all_its_bytes_have_depth_one(answer):
    sectors, extents = answer
    local_regions = regions_of(local_runs(extents, sectors))
    verdict = whole_and_local(sectors, extents)
    assert local_regions == [n for n, local in enumerate(verdict) if local]


@given(answers())
def test_the_messages_flip_these_regions_and_no_others(answer):
    sectors, extents = answer
    switch = DmSwitch(hydration_map.regions(sectors))
    switch.message(all_on_engine(sectors))
    for text in messages(local_runs(extents, sectors)):
        switch.message(text)
    verdict = whole_and_local(sectors, extents)
    assert [path == LOCAL for path in switch.map] == verdict


@given(st.integers(1, SECTORS_MAX))
@example(1)
@example(127)
@example(129)
def test_the_last_region_may_be_short(sectors):
    whole = [Extent(0, sectors * sysfs.SECTOR, 1)]
    assert list(local_runs(whole, sectors)) == [
        (0, hydration_map.regions(sectors))
    ]
    short = [Extent(0, sectors * sysfs.SECTOR - 1, 1)]
    last = hydration_map.regions(sectors) - 1
    assert regions_of(local_runs(short, sectors)) == list(range(last))


def test_neighbours_become_one_run_even_across_a_region():
    half = REGION // 2
    extents = [Extent(n * half, half, 1) for n in range(6)]
    assert list(local_runs(extents, 3 * 128)) == [(0, 3)]


def test_depth_one_alone_means_local():
    extents = [Extent(n * REGION, REGION, n) for n in range(5)]
    assert list(local_runs(extents, 5 * 128)) == [(1, 1)]


def test_a_message_says_indexes_and_counts_in_hexadecimal():
    assert list(messages([(10, 1), (255, 17)])) == [
        "set_region_mappings a:1 ff:1 R1,10"
    ]


def test_many_runs_are_cut_into_messages_that_an_ioctl_can_carry():
    runs = [(0xFFFFF000 + 2 * n, 2) for n in range(1000)]
    sent = list(messages(runs))
    assert len(sent) == 5
    assert all(len(text) < 16384 for text in sent)
    assert sum(text.count("R1,1") for text in sent) == 1000


def test_nothing_new_sends_nothing():
    assert list(messages([])) == []


@given(answers(), st.data())
def test_nothing_is_sent_twice_and_all_is_sent_in_the_end(answer, data):
    sectors, extents = answer
    regions = hydration_map.regions(sectors)
    switch = DmSwitch(regions)
    switch.message(all_on_engine(sectors))
    flipped = HydrationMap(sectors, switch.message)
    for _ in range(3):
        before = list(switch.map)
        grown = [
            Extent(
                e.offset, e.length, data.draw(st.sampled_from([1, e.depth]))
            )
            for e in extents
        ]
        new = flipped.update(grown)
        assert new == sum(switch.map) - sum(before)
        assert flipped.update(grown) == 0
        extents = grown
    assert flipped.hydrated == sum(switch.map)
    rest = regions - flipped.hydrated
    assert flipped.update([Extent(0, sectors * 512, 1)]) == rest
    assert flipped.complete
    assert set(switch.map) == {LOCAL}


def test_an_update_names_only_what_is_new():
    sent = []
    flipped = HydrationMap(8 * 128, sent.append)
    flipped.update([Extent(2 * REGION, REGION, 1)])
    flipped.update([Extent(0, 4 * REGION, 1)])
    assert sent == [
        "set_region_mappings 2:1",
        "set_region_mappings 0:1 R1,1 3:1",
    ]


def test_what_could_not_be_sent_is_sent_the_next_time():
    sent, refusals = [], [CommandError(["dmsetup"], 1, "", "no")]

    def send(text):
        if refusals:
            raise refusals.pop()
        sent.append(text)

    flipped = HydrationMap(128, send)
    with pytest.raises(CommandError):
        flipped.update([Extent(0, REGION, 1)])
    assert flipped.hydrated == 0
    assert flipped.update([Extent(0, REGION, 1)]) == 1
    assert sent == ["set_region_mappings 0:1"]


class Server:
    """An engine whose answers a test sets; a question releases ``asked``."""

    def __init__(self, kernel):
        self.held = []
        self.failures = []
        self.questions = 0
        self.asked = threading.Semaphore(0)
        self._kernel = kernel
        self._name = kernel.sys.add("nbd", 1024)
        self.device = f"/dev/{self._name}"

    def read(self, times):
        self._kernel.sys.write(self._name, "stat", f"{times} 0 0")

    def tend(self, ask):
        return self.device

    def extents(self):
        self.questions += 1
        self.asked.release()
        if self.failures:
            raise self.failures.pop()
        return self.held


@pytest.fixture
def server(kernel):
    return Server(kernel)


@pytest.fixture
def follow(server, monkeypatch):
    """Start a hydrator over a map of two regions."""
    monkeypatch.setattr(hydrator, "_LOOK_EVERY", 0.001)
    sent = []
    thread = hydrator.Hydrator(
        "volume-a", server, HydrationMap(256, sent.append)
    )
    thread.start()
    yield thread
    thread.stop()
    assert not thread.is_alive()


def test_the_hydrator_asks_when_reads_were_made_and_ends_when_all_is_local(
    server, follow
):
    assert server.asked.acquire(timeout=PATIENCE)
    server.held = [Extent(0, REGION, 1)]
    server.read(1)
    assert server.asked.acquire(timeout=PATIENCE)
    server.held = [Extent(0, 2 * REGION, 1)]
    server.read(2)
    follow.join(PATIENCE)
    assert not follow.is_alive()
    assert follow.progress == (2, 2)
    assert server.questions == 3


@pytest.mark.parametrize(
    "error", [CommandError(["nbdinfo"], 1, "", "gone"), OSError("a fault")]
)
def test_a_question_that_failed_is_asked_again_without_another_read(
    server, follow, error
):
    assert server.asked.acquire(timeout=PATIENCE)
    server.failures = [error]
    server.held = [Extent(0, 2 * REGION, 1)]
    server.read(1)
    follow.join(PATIENCE)
    assert follow.progress == (2, 2)
