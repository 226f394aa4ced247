# SPDX-License-Identifier: Apache-2.0
"""Pages of nodes, volumes and trees."""

import pytest
from memory_tree import VOLUME
from tree_members import joined

from volt.executor import shape
from volt.executor.btree import BinaryTree
from volt.rules import Rules
from volt.topology.listing import Listing
from volt.topology.tree import Tree

SILENCE = 15.0


@pytest.fixture
def listing(registry):
    return Listing(registry)


def names(count):
    return [f"n{number:03}" for number in range(count)]


def test_pages_put_together_are_the_whole_tree(tree, listing):
    joined(tree, *names(25))
    seen, marker = [], 0
    while found := listing.tree(VOLUME, marker, limit=4).peers:
        assert len(found) <= 4
        seen += found
        marker = found[-1].peer.position
    assert [one.peer for one in seen] == tree.peers(VOLUME)


def test_a_parent_is_the_peer_that_stands_above(tree, listing):
    joined(tree, *names(7))
    page = listing.tree(VOLUME)
    at = {one.peer.position: one for one in page.peers}
    assert [at[place].parent for place in (1, 2)] == [None, None]
    for place in range(3, 8):
        above = at[shape.parent_of(place, 2)]
        assert at[place].parent == above.peer.peer_id
        assert at[place].depth == above.depth + 1
    assert page.depth == max(one.depth for one in page.peers) == 3


def test_ages_and_evictions_are_counted_from_now(tree, listing, time):
    joined(tree, "n1")
    time.now += 4
    joined(tree, "n2")
    time.now += 2
    old, new = listing.members()
    assert (old.host, old.age, old.due, old.peers) == ("n1", 6, 9, 1)
    assert (new.host, new.age, new.due) == ("n2", 2, 13)
    assert [one.age for one in listing.tree(VOLUME).peers] == [6, 2]


def test_who_is_overdue_or_ahead_of_the_clock_is_neither(tree, listing, time):
    joined(tree, "n1")
    time.now += 2 * SILENCE
    assert listing.members()[0].due == 0
    time.now -= 3 * SILENCE
    assert listing.members()[0].age == 0


def test_a_chain_is_told_as_fast_as_a_bush(registry, listing):
    chain = Tree(registry, Rules(BinaryTree(), fanout=1))
    joined(chain, *names(5))
    page = listing.tree(VOLUME)
    assert (page.depth, page.peers[-1].depth) == (5, 5)
    assert shape.level_of(2**62, 1) == 2**62
