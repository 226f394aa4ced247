# SPDX-License-Identifier: Apache-2.0
"""Every request descends indexes, and visits few rows in a tree of any size.

Through the API, as nodes send their requests: whatever a request makes volt
ask of the registry is looked at.
"""

import pytest
import sqlalchemy as sa

from bench.volt import requests, statements
from bench.volt.checks import NotRight, check, right
from bench.volt.cost import measure_cost
from bench.volt.fill import fill
from bench.volt.requests import DAY, KINDS, name
from bench.volt.site import Site
from volt.executor import shape

SMALL, LARGE = 30, 1_000


@pytest.fixture
def site(tmp_path):
    """Make sites whose process is not started, with trees that are filled."""

    def make(nodes):
        folder = tmp_path / str(nodes)
        made = Site(folder, f"sqlite:///{folder}/volt.sqlite", nodes)
        fill(made.inside(), made.url, nodes)
        return made

    return make


def test_no_request_scans_a_table(site):
    told = measure_cost(site(SMALL))
    assert told.scans == []
    assert all(told.statements[kind] >= 4 for kind in KINDS)


def test_the_rows_of_a_request_grow_no_faster_than_the_depth(site):
    small, large = (
        measure_cost(site(SMALL)).steps,
        measure_cost(site(LARGE)).steps,
    )
    deeper = shape.level_of(LARGE, 2) / shape.level_of(SMALL, 2)
    assert min(small.values()) > 100
    grown = {kind: large[kind] / small[kind] for kind in KINDS}
    assert {kind: one for kind, one in grown.items() if one > deeper} == {}


def test_a_tree_that_was_filled_goes_on_as_any_other(site):
    inside = site(SMALL).inside()
    for number in range(1, SMALL + 1):
        right(inside.ask([make(name(number)) for make in DAY]))
    assert check(inside, SMALL) == 4


def test_a_scan_would_be_noted():
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection, statements.noted() as noted:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
        connection.exec_driver_sql("SELECT * FROM t WHERE a = 1")
    assert [one.scans for one in noted] == [[], ["SCAN t"]]


def test_steps_grow_with_the_rows_that_are_read():
    engine = sa.create_engine("sqlite://")
    count = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c"
    taken = []
    for rows in (10, 1000):
        with engine.connect() as connection, statements.steps() as steps:
            connection.exec_driver_sql(
                f"{count} WHERE x < {rows}) SELECT count(*) FROM c"
            )
        taken += steps
    assert taken[1] > 50 * taken[0]


def test_a_tree_that_is_not_right_is_refused(site):
    inside = site(SMALL).inside()
    with pytest.raises(NotRight, match=f"of {SMALL + 1}"):
        check(inside, SMALL + 1)
    with pytest.raises(NotRight, match="404"):
        right(inside.ask([requests.leave("nobody")]))
