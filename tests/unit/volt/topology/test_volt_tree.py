# SPDX-License-Identifier: Apache-2.0
"""The trees in the registry."""

import pytest
from hypothesis import settings
from hypothesis.stateful import initialize, invariant
from memory_tree import VOLUME, MemoryTree, address
from tree_churn import Churn
from tree_members import joined, sources

from volt.exception import NoSlot, PeerNotFound, VolumeInUse, VolumeNotFound
from volt.executor.btree import BinaryTree
from volt.model import Address, Image, Status
from volt.registry import engine, schema
from volt.registry.session import Registry
from volt.rules import Rules
from volt.topology.tree import Tree


class Both(MemoryTree):
    """Does in the registry what it does in memory."""

    def __init__(self, fanout=2):
        super().__init__(fanout)
        opened = engine.connect("sqlite://")
        schema.prepare(opened)
        self.real = Tree(Registry(opened), Rules(BinaryTree(), fanout))

    def join(self, name, agent=True):
        promise = address(name) if agent else None
        told = self.real.query(VOLUME, name, promise)
        placed = super().join(name, agent)
        assert (told.peer_id is None) == (placed is None)
        return placed

    def register(self, name):
        peer_id = f"{name}:{VOLUME}"
        try:
            self.real.register(VOLUME, peer_id, name, address(name))
        except (NoSlot, VolumeNotFound):
            return None
        return super().register(name)

    def leave(self, name):
        self.real.remove(VOLUME, f"{name}:{VOLUME}")
        return super().leave(name)


class RealChurn(Churn):
    """The same sequences in the registry give the same tree."""

    @initialize()
    def plant(self):
        self.tree = Both()

    @invariant()
    def registry_and_memory_agree(self):
        tree = getattr(self, "tree", None)
        if tree and tree.peers:
            stored = tree.real.peers(VOLUME)
            assert stored == [
                tree.peers[place] for place in sorted(tree.peers)
            ]


TestRealChurn = RealChurn.TestCase
TestRealChurn.settings = settings(max_examples=15, stateful_step_count=40)


def test_the_first_query_reserves_a_place_and_names_the_peer(tree):
    told = tree.query(VOLUME, "n1")
    assert (told.peer_id, told.parents) == (f"n1:{VOLUME}", ())
    (peer,) = tree.peers(VOLUME)
    assert (peer.status, peer.address) == (Status.PENDING, Address("n1"))


def test_a_second_query_changes_nothing(tree):
    joined(tree, "n1")
    before = tree.peers(VOLUME)
    assert tree.query(VOLUME, "n1").peer_id == f"n1:{VOLUME}"
    assert tree.peers(VOLUME) == before


def test_a_third_old_client_waits_for_a_parent(tree):
    tree.query(VOLUME, "n1")
    tree.query(VOLUME, "n2")
    assert tree.query(VOLUME, "n3").peer_id is None
    assert len(tree.peers(VOLUME)) == 2


def test_an_agent_is_told_a_parent_that_is_still_coming_up(tree):
    for name in ("n1", "n2", "n3"):
        told = tree.query(VOLUME, name, address(name))
    assert told.parents == ()
    assert sources(told) == [f"n1:{VOLUME}"]
    assert told.stripes[0][0].status is Status.PENDING


def test_a_place_promised_again_at_another_address_keeps_the_new_one(tree):
    tree.query(VOLUME, "n1", address("old"))
    tree.query(VOLUME, "n1", address("new"))
    (peer,) = tree.peers(VOLUME)
    assert peer.address == address("new")


def test_image_servers_are_spread_over_the_first_level(tree, images):
    for server in ("i1", "i2"):
        images.put(Image(VOLUME, 8, "g", "s", None, (address(server),)))
    told = [
        tree.query(VOLUME, name, address(name)) for name in ("n1", "n2", "n3")
    ]
    assert sources(told[0]) == ["i1", "i2"]
    assert sources(told[1]) == ["i2", "i1"]
    assert sources(told[2]) == [f"n1:{VOLUME}", "i1", "i2"]
    assert told[2].image.size == 8


def test_who_gets_no_place_is_told_the_image_servers(tree, images):
    images.put(Image(VOLUME, 8, "g", "s", None, (address("i1"),)))
    tree.query(VOLUME, "n1")
    tree.query(VOLUME, "n2")
    told = tree.query(VOLUME, "n3", address("n3"))
    assert (told.peer_id, sources(told)) == (None, ["i1"])


def test_orphans_are_told_new_parents(tree):
    joined(tree, *(f"n{number}" for number in range(1, 8)))
    tree.remove(VOLUME, f"n1:{VOLUME}")
    told = tree.query(VOLUME, "n3")
    assert [one.member for one in told.parents] == ["n7", "n2"]


def test_a_peer_that_was_gone_is_put_in_again_when_it_registers(tree):
    joined(tree, "n1", "n2", "n3")
    tree.remove(VOLUME, f"n1:{VOLUME}")
    tree.register(VOLUME, f"n1:{VOLUME}", "n1", address("n1"))
    assert len(tree.peers(VOLUME)) == 3


def test_a_registration_finds_no_place_while_all_parents_start(tree):
    tree.query(VOLUME, "n1")
    tree.query(VOLUME, "n2")
    with pytest.raises(NoSlot, match="try again"):
        tree.register(VOLUME, f"n9:{VOLUME}", "n9", address("n9"))


def test_a_peer_that_gives_no_address_serves_nobody(tree):
    joined(tree, "n1")
    tree.query(VOLUME, "n2")
    tree.register(VOLUME, f"n2:{VOLUME}", "n2", Address("n2"))
    joined(tree, "n3", "n4")
    told = tree.query(VOLUME, "n5")
    assert [one.member for one in told.parents] == ["n3"]


def test_an_empty_volume_disappears(tree):
    joined(tree, "n1")
    tree.remove(VOLUME, f"n1:{VOLUME}")
    assert tree.volumes() == []
    with pytest.raises(VolumeNotFound, match=VOLUME):
        tree.peers(VOLUME)


def test_an_unknown_peer_cannot_be_removed(tree):
    joined(tree, "n1")
    with pytest.raises(PeerNotFound, match="n9"):
        tree.remove(VOLUME, "n9")


def test_a_volume_that_is_served_is_dropped_by_force_only(tree):
    joined(tree, "n1")
    with pytest.raises(VolumeInUse, match="force"):
        tree.drop(VOLUME)
    tree.drop(VOLUME, force=True)
    assert tree.volumes() == []


def test_reservations_alone_do_not_keep_a_volume(tree):
    tree.query(VOLUME, "n1")
    tree.drop(VOLUME)
    assert tree.volumes() == []


def test_colons_everywhere_are_just_characters(tree):
    name = "volume:with:colons"
    for host in ("fe80::1", "fe80::2", "fe80::3"):
        tree.query(name, host)
        tree.register(name, f"{host}:{name}", host, address(host))
    told = tree.query(name, "fe80::3")
    assert told.parents[0].peer_id == f"fe80::1:{name}"


def test_a_tree_keeps_the_fan_out_with_which_it_began(registry, tree):
    joined(tree, "n1", "n2")
    wide = Tree(registry, Rules(BinaryTree(), fanout=9))
    joined(wide, "n3")
    assert [one.fanout for one in wide.volumes()] == [2]
    assert wide.query(VOLUME, "n3").parents[0].member == "n1"
