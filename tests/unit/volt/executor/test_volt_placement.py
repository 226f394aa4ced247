# SPDX-License-Identifier: Apache-2.0
"""The tree under any sequence of joins, registrations and leaves."""

import random

import pytest
from hypothesis import settings
from memory_tree import MemoryTree, grown, peer
from tree_churn import Churn

from volt.executor import placement, shape
from volt.model import Opening, Status

TestChurn = Churn.TestCase
TestChurn.settings = settings(max_examples=60, stateful_step_count=60)


def test_long_churn_keeps_the_bound_and_moves_few():
    chance, tree, names, moves = random.Random(7), MemoryTree(), [], 0
    for number in range(1500):
        if chance.random() < 0.55 or not names:
            if tree.join(f"n{number}", agent=chance.random() < 0.7) is None:
                continue
            names.append(f"n{number}")
            if chance.random() < 0.8:
                tree.register(names[-1])
        else:
            gone = names.pop(chance.randrange(len(names)))
            moves = max(moves, len(tree.leave(gone)))
        assert tree.depth <= shape.level_limit(tree.size, 2)
    assert tree.size > 50
    assert moves <= 2


def test_the_skew_that_spoiled_the_original_does_not_happen():
    """255 peers, the first of level 1 leaves 60 times: it reached 20."""
    tree = grown(255)
    for _ in range(60):
        tree.leave(tree.peers[1].member)
    assert tree.depth == 7


@pytest.mark.parametrize("fanout", [1, 2, 3, 5])
def test_a_tree_of_serving_peers_has_no_gaps(fanout):
    assert sorted(grown(40, fanout).peers) == list(range(1, 41))


def test_old_clients_fill_the_tree_in_waves():
    tree = MemoryTree()
    placed = [tree.join(f"n{number}", agent=False) for number in range(3)]
    assert placed == [1, 2, None]
    tree.register("n1")
    assert [tree.join(f"m{n}", agent=False) for n in range(3)] == [5, 6, None]


def test_agents_are_placed_at_once_below_peers_still_coming_up():
    tree = MemoryTree()
    placed = [tree.join(f"n{number}") for number in range(100)]
    assert placed == list(range(1, 101))


def test_nobody_is_placed_below_a_peer_without_an_address():
    tree = MemoryTree()
    tree.join("old", agent=False)
    assert [tree.join(f"n{number}") for number in range(3)] == [2, 5, 6]


def test_a_stuck_reservation_does_not_deepen_the_tree_without_limit():
    tree = grown(1)
    for number in range(200):
        tree.join(f"stuck{number}", agent=False)
    assert tree.depth <= shape.level_limit(tree.size, 2)


def test_the_last_peer_takes_the_place_of_an_interior_one():
    tree = grown(10)
    (move,) = tree.leave("n1")
    assert (move.peer.member, move.position) == ("n9", 2)
    assert sorted(tree.peers) == list(range(1, 10))


def test_a_leaf_of_the_last_level_leaves_without_any_move():
    tree = grown(10)
    assert tree.leave("n7") == []
    assert tree.join("new") == 8


def test_children_do_not_wait_for_a_stand_in_that_is_not_up():
    tree = grown(6)
    tree.join("starting")
    serving, starting = tree.leave("n0")
    assert (serving.peer.member, serving.position) == ("n5", 1)
    assert (starting.peer.member, starting.position) == ("starting", 6)


def test_a_stand_in_that_is_not_up_is_better_than_none():
    tree = MemoryTree()
    tree.peers = {
        1: peer("gone", 1),
        3: peer("a", 3, Status.PENDING),
        7: peer("b", 7, Status.PENDING),
    }
    (move,) = placement.vacate(tree, tree.peers[1])
    assert (move.peer.member, move.position) == ("b", 1)


def test_the_last_to_leave_moves_nobody():
    tree = grown(1)
    assert tree.leave("n0") == []
    assert placement.place(tree, Opening.SERVING).position == 1
