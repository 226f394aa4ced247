# SPDX-License-Identifier: Apache-2.0
"""Evicting is done by one process at a time."""

import pytest
from memory_tree import VOLUME
from tree_members import joined

from volt.liveness.eviction import Eviction
from volt.liveness.lease import Lease
from volt.pace import Pace


@pytest.fixture
def new_duty(registry, rules, time):
    return lambda: Lease(registry, Eviction(registry, rules), rules.pace)


@pytest.fixture
def overdue(tree, time):
    joined(tree, "n1")
    time.now += 20


def test_the_first_to_ask_sweeps(new_duty, overdue):
    assert new_duty().sweep() == 1


def test_the_others_leave_it_to_the_first(new_duty, tree, time):
    first, other = new_duty(), new_duty()
    first.sweep()
    joined(tree, "n1")
    for _ in range(10):
        time.now += 4
        first._registry.write(
            lambda unit: unit.leases.take(
                "evict", first._holder, unit.now(), 15
            )
        )
        assert other.sweep() == 0
    assert len(tree.peers(VOLUME)) == 1
    assert first.sweep() == 1


def test_another_takes_over_when_the_first_is_dead(new_duty, tree, time):
    new_duty().sweep()
    joined(tree, "n1")
    time.now += 20
    assert new_duty().sweep() == 1


def test_who_ends_leaves_the_duty_to_the_next_at_once(new_duty, overdue):
    first, other = new_duty(), new_duty()
    first._registry.write(
        lambda unit: unit.leases.take("evict", first._holder, unit.now(), 99)
    )
    assert other.sweep() == 0
    first._mine = True
    first.give_back()
    assert other.sweep() == 1


def test_who_has_no_duty_takes_none_away_at_its_end(new_duty, overdue):
    first, other = new_duty(), new_duty()
    first.sweep()
    other.sweep()
    other.give_back()
    assert new_duty().sweep() == 0


def test_each_turn_suits_the_pace_to_the_number_of_nodes(
    registry, rules, tree, time
):
    slow = Pace(beats_per_second=0.5)
    joined(tree, "n1", "n2", "n3", "n4", "n5")
    Lease(registry, Eviction(registry, rules), slow).sweep()
    assert slow.beat_after == 10.0
