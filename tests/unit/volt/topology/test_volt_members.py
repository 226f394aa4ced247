# SPDX-License-Identifier: Apache-2.0
"""Beats: what a node says and what it is told."""

from memory_tree import VOLUME, address
from tree_members import joined, serving, sources

from volt.model import Status


def test_an_unknown_node_is_told_nothing(members):
    assert members.beat("n1").peers == ()


def test_an_old_client_is_told_its_parents_by_volume(tree, members):
    joined(tree, "n1", "n2", "n3")
    tree.query("volume-b", "n3")
    told = members.beat("n3")
    assert [one.peer_id for one in told.peers] == [
        f"n3:{VOLUME}",
        "n3:volume-b",
    ]
    assert [one.member for one in told.peers[0].parents] == ["n1", "n2"]


def test_what_volt_lost_is_registered_again_by_a_beat(tree, members):
    (told,) = members.beat("n1", [serving("n1")]).peers
    assert told.peer_id == f"n1:{VOLUME}"
    (peer,) = tree.peers(VOLUME)
    assert (peer.status, peer.member) == (Status.OK, "n1")


def test_a_beat_turns_a_reservation_that_is_served_into_a_peer(tree, members):
    tree.query(VOLUME, "n1", address("n1"))
    members.beat("n1", [serving("n1")])
    assert tree.peers(VOLUME)[0].status is Status.OK


def test_a_beat_takes_over_a_peer_whose_node_has_another_name_now(
    tree, members
):
    joined(tree, "old")
    (told,) = members.beat("new", [serving("old", at="new")]).peers
    assert told.peer_id == f"old:{VOLUME}"
    assert members.beat("old").peers == ()


def test_a_beat_that_says_nothing_new_writes_no_peer(tree, members, registry):
    joined(tree, "n1")
    written = []
    registry.write = lambda work, write=registry.write: (
        written.append(work),
        write(work),
    )[1]
    members.beat("n1", [serving("n1")])
    assert written == []


def test_a_peer_without_a_place_is_left_out_and_comes_in_later(tree, members):
    tree.query(VOLUME, "n1")
    tree.query(VOLUME, "n2")
    assert members.beat("n3", [serving("n3")]).peers == ()
    joined(tree, "n1")
    (told,) = members.beat("n3", [serving("n3")]).peers
    assert sources(told) == [f"n1:{VOLUME}"]
