# SPDX-License-Identifier: Apache-2.0
"""Creates and destroys of one name race, and the image goes in between."""

from __future__ import annotations

import concurrent.futures
import random
import threading

import pytest
from fake_node import Site, source_of
from fake_portals import PATIENCE

from virtman.compute import Virtman

THREADS, TURNS = 6, 30
MADE, GONE = "0:/dev/mapper/snapshot_vm1", "0:"
THERE = "1:Virtman: the instance_name 'vm1' already exists!"
ABSENT = "1:Virtman: the instance_name 'vm1' does not exist!"
FROM = {
    "target_portal": "server:3260",
    "target_iqn": source_of("server").iqn,
    "target_lun": 1,
}


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(2))
def test_creates_and_destroys_of_one_name_race_safely(site, seed):
    virtman = Virtman(site.node, site.images, site.stores)
    together = threading.Barrier(THREADS)

    def create():
        return virtman.create("vm1", "a", FROM)

    def destroy():
        return virtman.destroy("vm1")

    def collect():
        return site.node.collect() or "collected"

    def race(number):
        choose = random.Random(f"{seed} {number}")
        together.wait(PATIENCE)
        verbs = [create, destroy, collect]
        return [choose.choice(verbs)() for _ in range(TURNS)]

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        answers = [
            one for said in pool.map(race, range(THREADS)) for one in said
        ]
    assert set(answers) <= {MADE, GONE, THERE, ABSENT, "collected"}
    standing = len(site.node.instances())
    assert answers.count(MADE) == answers.count(GONE) + standing
    if standing:
        assert (create(), destroy()) == (THERE, GONE)
    assert (create(), destroy(), destroy()) == (MADE, GONE, ABSENT)
    site.node.collect()
    assert site.held() == []
