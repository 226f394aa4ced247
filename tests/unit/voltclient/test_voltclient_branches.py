# SPDX-License-Identifier: Apache-2.0
"""A tree that is told by levels is read by branches, whatever its form."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paged_volt import PagedVolt

from voltclient.branches import Branches
from voltclient.exceptions import HTTPNotFound
from voltclient.trees import TreeManager

# How long an example takes says more about the machine than about the code.
unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def branches_of(volt, page_size=1000):
    return Branches(TreeManager(volt), "v", page_size)


@st.composite
def forms(draw):
    """A fan-out, and positions of which each has the one above it."""
    fanout = draw(st.integers(1, 4))
    positions = []
    for _ in range(draw(st.integers(1, 60))):
        free = [
            place
            for above in [0, *positions]
            for place in range(above * fanout + 1, above * fanout + fanout + 1)
            if place not in positions
        ]
        positions.append(draw(st.sampled_from(free)))
    return fanout, positions


def expected(positions, fanout, top=0, above=()):
    """Yield (position, more) the plain way, from the whole tree."""
    here = [
        place
        for place in range(top * fanout + 1, top * fanout + fanout + 1)
        if place in positions
    ]
    for place in here:
        more = (*above, place != here[-1])
        yield place, more
        yield from expected(positions, fanout, place, more)


@unhurried
@given(form=forms(), page_size=st.integers(1, 20), largest=st.integers(1, 20))
def test_branches_are_those_of_the_tree(form, page_size, largest):
    fanout, positions = form
    volt = PagedVolt(positions, fanout, largest)
    branches = branches_of(volt, page_size)
    found = [(one.peer.position, one.more) for one in branches.by_branch()]
    assert found == list(expected(positions, fanout))
    levels = [one.position for one in branches.by_level()]
    assert levels == sorted(positions)


@unhurried
@given(form=forms(), page_size=st.integers(1, 20), data=st.data())
def test_so_are_those_below_a_peer_and_down_to_a_depth(form, page_size, data):
    fanout, positions = form
    top = data.draw(st.sampled_from(positions))
    deepest = data.draw(st.integers(1, 6))
    branches = branches_of(PagedVolt(positions, fanout), page_size)
    (node,) = branches.between(top, top)
    found = branches.by_branch(top, deepest)
    assert [one.peer.position for one in found] == [
        place
        for place, more in expected(positions, fanout, top)
        if node.depth + len(more) <= deepest
    ]
    chain = [one.position for one in branches.above(top)]
    assert chain == list(lineage(top, fanout))


def lineage(position, fanout):
    above = []
    while (position := (position - 1) // fanout) > 0:
        above.insert(0, position)
    return above


def test_a_small_tree_is_one_call():
    volt = PagedVolt(range(1, 8))
    assert len(list(branches_of(volt).by_branch())) == 7
    assert len(list(branches_of(volt).by_level())) == 7
    assert volt.asked == [{"limit": "1000"}] * 2


def test_a_large_tree_begins_after_two_calls_and_is_read_once():
    volt = PagedVolt(range(1, 20_001))
    twigs = branches_of(volt).by_branch()
    list(itertools.islice(twigs, 10))
    early = len(volt.asked)
    list(twigs)
    assert early <= 6
    # The last page of each level that is not at hand may reach beyond it.
    told = sum(int(query["limit"]) for query in volt.asked)
    assert told <= 20_000 + 7 * 1000


def test_a_chain_is_read_too():
    volt = PagedVolt(range(1, 1501), fanout=1)
    found = [one.peer.position for one in branches_of(volt).by_branch()]
    assert found == list(range(1, 1501))


def test_peers_that_leave_while_it_is_read_are_left_out():
    def change(volt, told):
        if told == 3:
            volt.positions = volt.positions[:1500]

    volt = PagedVolt(range(1, 5001), change=change)
    found = [one.peer.position for one in branches_of(volt).by_branch()]
    assert len(found) == len(set(found))
    assert set(range(1, 1001)) <= set(found)


def test_a_tree_that_vanishes_while_it_is_read_ends():
    def change(volt, told):
        if told == 2:
            volt.positions = []

    volt = PagedVolt(range(1, 5001), change=change)
    found = [one.peer.position for one in branches_of(volt).by_branch()]
    assert 1000 <= len(found) < 5000


def test_without_a_tree_there_is_none():
    with pytest.raises(HTTPNotFound):
        branches_of(PagedVolt([]))
