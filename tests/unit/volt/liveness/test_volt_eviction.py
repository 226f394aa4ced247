# SPDX-License-Identifier: Apache-2.0
"""Who is taken out, and who is not."""

import pytest
from memory_tree import VOLUME, address
from tree_members import joined, serving

from volt.exception import VolumeNotFound
from volt.liveness.eviction import Eviction
from volt.model import Status


@pytest.fixture
def eviction(registry, rules, time):
    return Eviction(registry, rules)


def names(tree):
    return [one.member for one in tree.peers(VOLUME)]


def test_a_node_without_a_beat_for_the_limit_is_evicted(
    tree, members, eviction, time
):
    joined(tree, "n1", "n2", "n3")
    time.now += 10
    members.beat("n2", [])
    members.beat("n3", [])
    time.now += 6
    assert eviction.sweep() == 1
    assert sorted(names(tree)) == ["n2", "n3"]


def test_an_old_client_has_three_of_its_own_beats(
    tree, members, eviction, time
):
    tree.query(VOLUME, "old")
    for _ in range(3):
        time.now += 20
        assert eviction.sweep() == 0
        members.beat("old")
    time.now += 61
    assert eviction.sweep() == 1


def test_a_beat_at_a_faster_pace_counts_from_then_on(
    tree, members, eviction, rules, time
):
    rules.pace.measure(10_000)
    joined(tree, "n1")
    rules.pace.measure(1)
    members.beat("n1", [])
    time.now += 16
    assert eviction.sweep() == 1


def test_registering_takes_no_time_away(tree, eviction, rules, time):
    rules.pace.measure(10_000)
    tree.query(VOLUME, "n1", address("n1"))
    rules.pace.measure(1)
    joined(tree, "n1")
    time.now += 100
    assert eviction.sweep() == 0


def test_every_peer_of_a_silent_node_goes(tree, eviction, time):
    joined(tree, "n1")
    tree.query("volume-b", "n1", address("n1"))
    time.now += 16
    assert eviction.sweep() == 2
    assert tree.volumes() == []


@pytest.mark.parametrize("sign", ["query", "register", "beat"])
def test_each_sign_of_life_counts(tree, members, eviction, time, sign):
    joined(tree, "n1")
    time.now += 10
    {
        "query": lambda: tree.query(VOLUME, "n1", address("n1")),
        "register": lambda: joined(tree, "n1"),
        "beat": lambda: members.beat("n1", []),
    }[sign]()
    time.now += 10
    assert eviction.sweep() == 0


def test_a_place_that_nobody_takes_is_free_after_a_while(
    tree, members, eviction, time
):
    tree.query(VOLUME, "n1")
    for _ in range(13):
        time.now += 10
        members.beat("n1", [])
    assert eviction.sweep() == 1
    with pytest.raises(VolumeNotFound):
        tree.peers(VOLUME)


def test_asking_again_keeps_the_place(tree, eviction, time):
    for _ in range(20):
        tree.query(VOLUME, "n1")
        time.now += 10
    assert eviction.sweep() == 0


def test_a_peer_that_serves_is_no_stale_reservation(
    tree, members, eviction, time
):
    joined(tree, "n1")
    for _ in range(30):
        time.now += 10
        members.beat("n1", [])
    assert eviction.sweep() == 0
    assert tree.peers(VOLUME)[0].status is Status.OK


def test_a_node_heard_of_during_the_sweep_stays(
    tree, members, eviction, registry, time
):
    joined(tree, "n1")
    time.now += 16
    asked = []

    def beat_in_between(work, read=registry.read):
        found = read(work)
        asked.append(work)
        if len(asked) == 2:  # the silent nodes have just been read
            members.beat("n1", [])
        return found

    registry.read = beat_in_between
    assert eviction.sweep() == 0
    assert names(tree) == ["n1"]


def test_beats_from_the_future_do_not_last_for_ever(
    tree, eviction, registry, time
):
    joined(tree, "n1")
    time.now -= 3600
    eviction.clock_was_set()
    time.now += 61
    assert eviction.sweep() == 1


def test_an_evicted_node_comes_back_with_its_next_beat(
    tree, members, eviction, time
):

    joined(tree, "n1", "n2")
    time.now += 16
    eviction.sweep()
    (told,) = members.beat("n2", [serving("n2")]).peers
    assert told.peer_id == f"n2:{VOLUME}"
    assert tree.peers(VOLUME)[0].address == address("n2")
