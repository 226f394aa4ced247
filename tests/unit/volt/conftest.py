# SPDX-License-Identifier: Apache-2.0
"""A registry in memory, and a clock that tests set."""

import pytest

from volt.executor.btree import BinaryTree
from volt.registry import clock, engine, schema
from volt.registry.session import Registry
from volt.rules import Rules
from volt.topology.images import Images
from volt.topology.members import Members
from volt.topology.tree import Tree


@pytest.fixture
def registry():
    opened = engine.connect("sqlite://")
    schema.prepare(opened)
    return Registry(opened)


@pytest.fixture
def rules():
    return Rules(BinaryTree())


@pytest.fixture
def tree(registry, rules):
    return Tree(registry, rules)


@pytest.fixture
def members(registry, rules):
    return Members(registry, rules)


@pytest.fixture
def images(registry):
    return Images(registry)


class Clock:
    """What the registry takes for the time."""

    def __init__(self):
        self.now = 1_000_000.0

    def time(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    watch = Clock()
    monkeypatch.setattr(clock, "time", watch)
    return watch
