# SPDX-License-Identifier: Apache-2.0
"""Whom a peer reads from."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_tree import MemoryTree, grown, peer

from volt import executor
from volt.exception import ConfigError
from volt.executor import shape
from volt.executor.btree import BinaryTree
from volt.executor.btree_uncle import BinaryTreeWithUncle
from volt.model import Status


def parents(tree, position, policy=None, pending=False, failed=()):
    policy = policy or BinaryTree()
    best = policy.best(position, tree.fanout)
    near = tree.at(best) | {
        place: one
        for place, one in tree.at(policy.reach(position, tree.fanout)).items()
        if one.serves
    }
    lost = frozenset(tree.peers[place].address.portal for place in failed)
    chosen = policy.choose(
        position, tree.fanout, near, pending=pending, failed=lost
    )
    return [one.position for one in chosen]


def branch(position, fanout):
    return [position, *shape.lineage(position, fanout)][-1]


@st.composite
def trees(draw):
    """Trees with peers of every kind."""
    tree = MemoryTree(draw(st.sampled_from([1, 2, 3])))
    kinds = st.sampled_from(
        [
            {"status": Status.OK},
            {"status": Status.PENDING},
            {"status": Status.PENDING, "promise": False},
            {"status": Status.OK, "promise": False},
        ]
    )
    for place in range(1, draw(st.integers(1, 40))):
        tree.peers[place] = peer(f"n{place}", place, **draw(kinds))
    return tree


policies = st.builds(
    lambda kind, count: kind(count),
    st.sampled_from([BinaryTree, BinaryTreeWithUncle]),
    st.integers(1, 4),
)


@given(trees(), policies, st.booleans())
def test_nobody_reads_from_its_own_level_or_below(tree, policy, pending):
    for place in tree.peers:
        level = shape.level_of(place, tree.fanout)
        for parent in parents(tree, place, policy, pending):
            assert shape.level_of(parent, tree.fanout) < level


@given(trees(), policies)
def test_old_clients_are_told_serving_peers_only(tree, policy):
    for place in tree.peers:
        for parent in parents(tree, place, policy):
            assert tree.peers[parent].serves


@given(trees(), policies, st.booleans())
def test_no_parent_is_named_twice_and_none_too_many(tree, policy, pending):
    for place in tree.peers:
        told = parents(tree, place, policy, pending)
        assert len(told) == len(set(told)) <= policy.parents


@given(trees(), st.integers(1, 4))
def test_extra_parents_of_btree_are_in_another_branch(tree, count):
    for place in tree.peers:
        extras = BinaryTree(count).extras(place, tree.fanout)
        for extra in extras:
            assert branch(extra, tree.fanout) != branch(place, tree.fanout)


@given(trees(), policies)
def test_only_the_tree_parent_may_be_pending(tree, policy):
    for place in tree.peers:
        above = shape.lineage(place, tree.fanout)
        for told in parents(tree, place, policy, pending=True):
            assert tree.peers[told].reachable_soon
            assert tree.peers[told].serves or told in above


def test_level_one_reads_from_the_image_servers_alone():
    tree = grown(6)
    assert parents(tree, 1) == parents(tree, 2) == []


def test_two_parents_by_default_the_tree_parent_first():
    tree = grown(14)
    assert parents(tree, 3) == [1, 2]
    assert parents(tree, 6) == [2, 1]
    assert parents(tree, 7) == [3, 5]
    assert parents(tree, 14) == [6, 4]


def test_a_mirror_that_is_not_serving_is_replaced_by_what_is_above_it():
    tree = grown(14)
    tree.peers[5] = peer("n5", 5, Status.PENDING)
    assert parents(tree, 7) == [3, 2]


def test_the_load_of_extra_children_is_spread_evenly():
    tree = grown(30)
    extras = [parents(tree, place)[1] for place in range(15, 31)]
    counts = {place: extras.count(place) for place in set(extras)}
    assert counts == dict.fromkeys(range(7, 15), 2)


def test_a_pending_tree_parent_is_told_to_agents_only():
    tree = grown(3)
    tree.peers[1] = peer("n0", 1, Status.PENDING)
    assert parents(tree, 3) == [2]
    assert parents(tree, 3, pending=True) == [1, 2]


def test_the_nearest_ancestor_stands_in_for_a_parent_without_address():
    tree = grown(14)
    tree.peers[3] = peer("n2", 3, Status.PENDING, promise=False)
    assert parents(tree, 7, pending=True) == [1, 5]


def test_the_nearest_ancestor_stands_in_for_a_parent_that_failed():
    tree = grown(14)
    assert parents(tree, 7, failed=[3]) == [1, 5]
    assert parents(tree, 7, failed=[3, 5]) == [1, 2]
    assert parents(tree, 7, failed=[3, 1]) == [5]
    assert parents(tree, 7, failed=[1, 2, 3, 5]) == []


@given(trees(), policies, st.booleans(), st.data())
def test_who_failed_is_named_to_nobody(tree, policy, pending, data):
    for place in tree.peers:
        failed = data.draw(st.sets(st.sampled_from(list(tree.peers))))
        told = parents(tree, place, policy, pending, failed)
        assert failed.isdisjoint(told)


def test_uncles_are_the_siblings_of_the_parent():
    tree = grown(14, fanout=3)
    uncles = BinaryTreeWithUncle(parents=3)
    assert parents(tree, 13, uncles) == [4, 5, 6]
    assert parents(tree, 4, uncles) == [1, 2, 3]
    assert parents(tree, 2, uncles) == []


def test_a_pending_uncle_is_left_out():
    tree = grown(6)
    tree.peers[2] = peer("n1", 2, Status.PENDING)
    assert parents(tree, 3, BinaryTreeWithUncle()) == [1]


@pytest.mark.parametrize("name", ["btree", "btreewithuncle"])
def test_policies_are_found_by_name(name):
    assert executor.load(name, 3).parents == 3


def test_an_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="btree, btreewithuncle"):
        executor.load("nosuch", 2)


def test_a_policy_of_another_package_is_found_by_its_entry_point(monkeypatch):
    points = executor.importlib.metadata.EntryPoints(
        [
            executor.importlib.metadata.EntryPoint(
                "mine", "volt.executor.btree:BinaryTree", executor.GROUP
            )
        ]
    )
    monkeypatch.setattr(
        executor.importlib.metadata, "entry_points", lambda group: points
    )
    assert isinstance(executor.load("mine", 2), BinaryTree)


def test_reach_is_short():
    sizes = [len(BinaryTree().reach(10**power, 2)) for power in range(1, 7)]
    steps = [after - before for before, after in itertools.pairwise(sizes)]
    assert max(steps) <= 8


@given(trees(), policies)
def test_the_best_places_do_when_all_of_them_serve(tree, policy):
    for place in tree.peers:
        best = policy.best(place, tree.fanout)
        few = tree.at(best)
        if len(few) == len(best) and all(one.serves for one in few.values()):
            told = policy.choose(place, tree.fanout, few, pending=True)
            assert [one.position for one in told] == parents(
                tree, place, policy, pending=True
            )
