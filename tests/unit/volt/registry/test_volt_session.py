# SPDX-License-Identifier: Apache-2.0
"""Transactions: whole or not at all, and what an outage looks like."""

import concurrent.futures

import pytest
import sqlalchemy as sa
from memory_tree import VOLUME, address
from oslo_db.exception import DBDeadlock, DBDuplicateEntry

from volt.exception import Unavailable
from volt.executor.btree import BinaryTree
from volt.registry import engine, schema
from volt.registry.session import Registry
from volt.rules import Rules
from volt.topology.tree import Tree


def test_a_failure_leaves_nothing_behind(registry):
    def work(unit):
        unit.volumes.lock_or_create(VOLUME, 2)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        registry.write(work)
    assert registry.read(lambda unit: unit.volumes.all()) == []


@pytest.mark.parametrize("lost", [DBDeadlock(), DBDuplicateEntry()])
def test_a_lost_race_is_run_again(registry, lost):
    runs = []

    def work(unit):
        runs.append(unit.volumes.lock_or_create(VOLUME, 2))
        if len(runs) < 3:
            raise lost
        return "done"

    assert registry.write(work) == "done"
    assert len(registry.read(lambda unit: unit.volumes.all())) == 1


def test_an_outage_is_told_and_ends_by_itself(registry):
    with registry._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE volumes RENAME TO away"))
    with pytest.raises(Unavailable, match="nothing was changed"):
        registry.read(lambda unit: unit.volumes.all())
    with registry._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO volumes"))
    assert registry.read(lambda unit: unit.volumes.all()) == []


def test_many_joins_at_once_lose_no_peer_and_share_no_place(tmp_path):
    def join(number):
        # An engine each, as in separate workers.
        opened = engine.connect(f"sqlite:///{tmp_path}/volt.sqlite")
        tree = Tree(Registry(opened), Rules(BinaryTree()))
        for step in range(10):
            name = f"n{number}-{step}"
            tree.query(VOLUME, name, address(name))

    opened = engine.connect(f"sqlite:///{tmp_path}/volt.sqlite")
    schema.prepare(opened)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(join, range(4)))
    peers = Tree(Registry(opened), Rules(BinaryTree())).peers(VOLUME)
    assert [one.position for one in peers] == list(range(1, 41))


def test_a_reader_does_not_wait_for_a_writer(tmp_path):
    opened = engine.connect(f"sqlite:///{tmp_path}/volt.sqlite")
    schema.prepare(opened)
    registry = Registry(opened)

    def work(unit):
        unit.volumes.lock_or_create(VOLUME, 2)
        return registry.read(lambda other: other.volumes.all())

    assert registry.write(work) == []
