# SPDX-License-Identifier: Apache-2.0
"""A cluster's life in the real registry: whatever happens, trees are trees.

Nodes join, serve, beat, fall silent, crash and come back in any order, with
several images, as old clients and as agents; time passes and the evictor
sweeps.
"""

from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from memory_tree import address

from volt.exception import NoSlot, PeerNotFound, VoltError, VolumeNotFound
from volt.executor import shape
from volt.executor.btree import BinaryTree
from volt.executor.btree_uncle import BinaryTreeWithUncle
from volt.executor.placement import opening_of
from volt.liveness.eviction import Eviction
from volt.registry import clock, engine, schema
from volt.registry.session import Registry
from volt.rules import Rules
from volt.topology.members import Members, Serving
from volt.topology.tree import Tree

IMAGES = ("volume-a", "volume-b")
NODES = [f"n{number}" for number in range(24)]
images = st.sampled_from(IMAGES)
nodes = st.sampled_from(NODES)


class Life(RuleBasedStateMachine):
    """What the nodes know is kept here, what volt knows in the registry."""

    def __init__(self):
        super().__init__()
        self.now = 1_000_000.0
        self.serves = {}
        self.patch = mock.patch.object(clock, "time", self)
        self.patch.start()

    def teardown(self):
        self.patch.stop()

    def time(self):
        return self.now

    @initialize(
        fanout=st.sampled_from([2, 2, 1, 3]),
        policy=st.sampled_from([BinaryTree, BinaryTreeWithUncle]),
    )
    def begin(self, fanout, policy):
        opened = engine.connect("sqlite://")
        schema.prepare(opened)
        registry = Registry(opened)
        rules = Rules(policy(3), fanout)
        self.fanout = fanout
        self.tree = Tree(registry, rules)
        self.members = Members(registry, rules)
        self.eviction = Eviction(registry, rules)

    @rule(node=nodes, image=images)
    def an_agent_joins(self, node, image):
        told = self.tree.query(image, node, address(node))
        assert told.peer_id in (None, f"{node}:{image}")

    @rule(node=nodes, image=images)
    def an_old_client_joins(self, node, image):
        told = self.tree.query(image, node)
        assert all(one.serves for one in told.parents)

    @rule(node=nodes, image=images)
    def a_peer_registers(self, node, image):
        try:
            self.tree.register(image, f"{node}:{image}", node, address(node))
        except (NoSlot, VolumeNotFound):
            return
        self.serves.setdefault(node, set()).add(image)

    @rule(node=nodes, failed=st.sets(nodes))
    def an_agent_beats(self, node, failed):
        lost = frozenset(address(one).portal for one in failed)
        told = self.members.beat(
            node,
            [
                Serving(image, f"{node}:{image}", address(node), lost)
                for image in self.serves.get(node, ())
            ],
        )
        mine = {one.peer_id: one for one in told.peers}
        for image in self.serves.get(node, ()):
            peer = mine.get(f"{node}:{image}")
            if peer is not None:
                self.check_parents(image, peer, failed)

    @rule(node=nodes)
    def an_old_client_beats(self, node):
        told = self.members.beat(node)
        for one in told.peers:
            assert all(parent.serves for parent in one.parents)

    @rule(node=nodes, image=images)
    def a_peer_leaves(self, node, image):
        self.serves.get(node, set()).discard(image)
        try:
            self.tree.remove(image, f"{node}:{image}")
        except (PeerNotFound, VolumeNotFound):
            return

    @rule(node=nodes)
    def a_node_crashes_and_forgets(self, node):
        self.serves.pop(node, None)

    @rule(seconds=st.sampled_from([1, 6, 20, 130]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def the_evictor_sweeps(self):
        self.eviction.sweep()
        assert self.eviction.sweep() == 0

    @rule(image=images)
    @precondition(lambda self: len(self.serves) > 5)
    def an_image_is_dropped(self, image):
        try:
            self.tree.drop(image, force=True)
        except VoltError:
            return

    def check_parents(self, image, told, failed):
        """Named parents live, have not failed, and are no descendants."""
        peers = {one.peer_id: one for one in self.tree.peers(image)}
        own = shape.level_of(peers[told.peer_id].position, self.fanout)
        sources = [one for one in told.stripes[0] if one.peer_id]
        assert len(sources) == len({one.peer_id for one in sources})
        for number, source in enumerate(sources):
            parent = peers[source.peer_id]
            assert shape.level_of(parent.position, self.fanout) < own
            assert parent.member not in failed
            assert parent.serves or number == 0

    @invariant()
    def every_image_has_one_flat_tree_without_orphans(self):
        if not hasattr(self, "tree"):
            return
        for volume in self.tree.volumes():
            peers = self.tree.peers(volume.name)
            places = {one.position for one in peers}
            assert volume.size == len(peers) == len(places) > 0
            for place in places:
                above = shape.parent_of(place, volume.fanout)
                assert above == shape.ROOT or above in places
            depth = shape.level_of(max(places), volume.fanout)
            assert depth <= shape.level_limit(len(peers), volume.fanout)

    @invariant()
    def what_is_noted_about_room_is_true(self):
        if not hasattr(self, "tree"):
            return
        noted = self.tree._registry.read(
            lambda unit: [
                tuple(row)
                for row in unit._connection.exec_driver_sql(
                    "SELECT v.name, p.position, p.opening FROM peers p "
                    "JOIN volumes v ON v.key = p.volume_key"
                )
            ]
        )
        for name in {row[0] for row in noted}:
            at = {one.position: one for one in self.tree.peers(name)}
            for _, place, opening in (row for row in noted if row[0] == name):
                below = shape.children_of(place, self.fanout)
                children = len(at.keys() & set(below))
                assert opening == opening_of(at[place], children, self.fanout)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=60)
