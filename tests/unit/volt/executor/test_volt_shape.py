# SPDX-License-Identifier: Apache-2.0
"""Positions as arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volt.executor import shape

positions = st.integers(1, 10**9)
fanouts = st.integers(1, 7)


@given(positions, st.integers(2, 7))
def test_a_peer_is_among_the_children_of_its_parent(position, fanout):
    parent = shape.parent_of(position, fanout)
    assert position in shape.children_of(parent, fanout)


@given(positions, st.integers(2, 7))
def test_a_lineage_climbs_one_level_at_a_time(position, fanout):
    line = [position, *shape.lineage(position, fanout)]
    levels = [shape.level_of(place, fanout) for place in line]
    assert levels == list(range(len(line), 0, -1))


@pytest.mark.parametrize(
    ("position", "level"), [(0, 0), (1, 1), (2, 1), (3, 2), (6, 2), (7, 3)]
)
def test_levels_of_the_binary_tree(position, level):
    assert shape.level_of(position, 2) == level


@given(st.integers(1, 12), st.integers(2, 5))
def test_the_first_of_a_level_opens_it(level, fanout):
    first = shape.first_of_level(level, fanout)
    assert shape.level_of(first, fanout) == level
    assert shape.level_of(first - 1, fanout) == level - 1


@given(st.integers(0, 10**6))
def test_the_limit_is_the_promised_bound_at_fan_out_two(count):
    assert shape.level_limit(count, 2) == math.ceil(math.log2(count + 1)) + 1


@given(st.integers(1, 10**4), st.integers(2, 7))
def test_the_flattest_tree_is_always_allowed(count, fanout):
    # Filled level by level the last of n peers stands at position n.
    deepest = shape.level_of(count, fanout)
    assert deepest <= shape.level_limit(count, fanout)


def test_a_chain_may_be_as_deep_as_it_is_long():
    assert shape.level_limit(9, 1) == 9
    assert shape.level_of(9, 1) == 9
