# SPDX-License-Identifier: Apache-2.0
"""No question on the path of a request reads a whole table."""

import pytest
import sqlalchemy as sa
from memory_tree import VOLUME, address

from volt.executor.btree import BinaryTree
from volt.metrics.census import Monitor
from volt.rules import Rules
from volt.topology.listing import Listing
from volt.topology.members import Members
from volt.topology.tree import Tree

ONE_ROW = "SCAN CONSTANT ROW"
"""SQLite's words for a question without a table of its own."""


@pytest.fixture
def plans(registry):
    """Collect SQLite's plan of every statement that is run."""
    seen = {}

    def explain(conn, cursor, statement, parameters, context, many):
        word = statement.split(" ", 1)[0]
        if word in ("SELECT", "UPDATE", "DELETE"):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            seen[statement] = [row[3] for row in cursor.fetchall()]

    sa.event.listen(registry._engine, "before_cursor_execute", explain)
    return seen


def test_join_beat_and_leave_descend_indexes_only(registry, plans):
    rules = Rules(BinaryTree())
    tree, members = (kind(registry, rules) for kind in (Tree, Members))
    for name in ("n1", "n2", "n3", "n4", "n5"):
        tree.query(VOLUME, name, address(name))
        tree.register(VOLUME, f"{name}:{VOLUME}", name, address(name))
    members.beat("n3")
    tree.remove(VOLUME, f"n1:{VOLUME}")
    assert len(plans) > 10
    assert scans(plans) == {}


def test_a_page_descends_to_where_it_begins(registry, plans):
    listing = Listing(registry)
    tree = Tree(registry, Rules(BinaryTree()))
    tree.query(VOLUME, "n1", address("n1"))
    plans.clear()
    listing.members("n0")
    listing.volumes("a")
    listing.tree(VOLUME)
    listing.peers(VOLUME, f"n1:{VOLUME}")
    assert len(plans) >= 6
    assert scans(plans) == {}


def test_a_census_reads_a_row_of_a_tree_and_descends_to_its_last(
    registry, plans
):
    Monitor(registry).census()
    Monitor(registry).health()
    steps = [step for plan in plans.values() for step in plan]
    assert "SCAN volumes" in steps
    assert any("SEARCH peers" in step for step in steps)
    assert not any("SCAN peers" in step for step in steps)


def scans(plans):
    """Return the statements that read a table, or sort, with their plans."""
    return {
        statement: plan
        for statement, plan in plans.items()
        if any(step.startswith("SCAN") for step in plan if step != ONE_ROW)
        or any("TEMP B-TREE" in step for step in plan)
    }
