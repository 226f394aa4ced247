# SPDX-License-Identifier: Apache-2.0
"""Any sequence of joins, registrations and leaves of one tree."""

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from memory_tree import MemoryTree

from volt.executor import shape


class Churn(RuleBasedStateMachine):
    """Old clients and agents come, register and go in any order."""

    names = Bundle("names")

    def __init__(self):
        super().__init__()
        self.count = 0

    @initialize(fanout=st.sampled_from([2, 2, 2, 1, 3, 4]))
    def plant(self, fanout):
        self.tree = MemoryTree(fanout)

    @rule(target=names, agent=st.booleans())
    def join(self, agent):
        self.count += 1
        name = f"n{self.count}"
        placed = self.tree.join(name, agent)
        return multiple() if placed is None else name

    @rule(name=names)
    def register(self, name):
        self.tree.register(name)

    @rule(name=consumes(names))
    def leave(self, name):
        if self.tree.find(name):
            assert len(self.tree.leave(name)) <= 2

    @rule(name=names)
    def be_evicted_by_mistake(self, name):
        if self.tree.find(name):
            self.tree.leave(name)

    @invariant()
    def every_parent_is_there(self):
        for place in getattr(self, "tree", MemoryTree()).peers:
            above = shape.parent_of(place, self.tree.fanout)
            assert above == shape.ROOT or above in self.tree.peers

    @invariant()
    def the_tree_is_flat(self):
        tree = getattr(self, "tree", MemoryTree())
        assert tree.depth <= shape.level_limit(tree.size, tree.fanout)
