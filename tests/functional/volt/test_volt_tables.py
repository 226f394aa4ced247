# SPDX-License-Identifier: Apache-2.0
"""The tables are the same in every kind of database, however they came."""

import concurrent.futures
import multiprocessing

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from volt.exception import ConfigError
from volt.registry import engine, migrations, models, schema

PROCESSES = 4
# Wherever letters are compared instead of bytes, some of them are the same,
# or stand in another order.
NAMES = [
    "A",
    "B",
    "a",
    "z",
    "é",
    "e\u0301",
    "𝄞",
    "\uff41",
    "ß",
    "ss",
    "\u200b",
]


@pytest.fixture
def opened(database):
    made = engine.connect(database.url)
    yield made
    made.dispose()


def options(look, table):
    try:
        return look.get_table_options(table)
    except NotImplementedError:  # PostgreSQL and SQLite have none
        return {}


def describe(connection):
    """Return all that the database says about our tables."""
    look = sa.inspect(connection)
    return {
        table: {
            "columns": [
                (one["name"], repr(one["type"]), one["nullable"])
                for one in look.get_columns(table)
            ],
            "key": look.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted(
                (one["name"], one["column_names"], one["unique"])
                for one in look.get_indexes(table)
            ),
            "unique": sorted(
                one["column_names"]
                for one in look.get_unique_constraints(table)
            ),
            "foreign": sorted(
                (one["constrained_columns"], one["referred_table"])
                for one in look.get_foreign_keys(table)
            ),
            "made as": options(look, table),
        }
        for table in models.metadata.tables
    }


def test_history_leads_to_the_tables_of_a_new_database(new_database):
    new, old = (engine.connect(new_database().url) for _ in range(2))
    schema.prepare(new)
    with old.begin() as connection:
        migrations.upgrade(connection)
    with old.connect() as one, new.connect() as other:
        context = MigrationContext.configure(one, {"compare_type": True})
        assert compare_metadata(context, models.metadata) == []
        assert describe(one) == describe(other)
        assert schema.version(one).state is schema.State.CURRENT
    for one in (new, old):
        one.dispose()


def prepare(url):
    schema.prepare(engine.connect(url))


def test_many_that_start_at_once_on_an_empty_database_make_it_once(database):
    # Processes, because SQLite's locks are theirs; forks, because they start
    # at once.
    forks = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, forks) as pool:
        list(pool.map(prepare, [database.url] * PROCESSES * 2))
    opened = engine.connect(database.url)
    with opened.connect() as connection:
        assert schema.version(connection).state is schema.State.CURRENT
    opened.dispose()


def test_who_gets_the_lock_next_sees_what_was_made_under_it(opened, database):
    seen = []

    def look(connection, cursor, statement, *_):
        if "RELEASE_LOCK" in statement:
            other = engine.connect(database.url)
            with other.connect() as connection:
                seen.append(schema.version(connection).state)
            other.dispose()

    sa.event.listen(opened, "before_cursor_execute", look)
    schema.prepare(opened)
    # The others' locks end with the transaction.
    known = [schema.State.CURRENT] if database.kind == "mariadb" else []
    assert seen == known


def test_who_was_killed_while_making_tables_is_succeeded(opened):
    with opened.begin() as connection:
        schema._version.create(connection)
        models.volumes.create(connection)
    schema.prepare(opened)
    with opened.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
    assert models.metadata.tables.keys() < tables


def test_old_tables_are_upgraded_at_a_start_only_where_nobody_else_is(
    opened, database, monkeypatch
):
    schema.prepare(opened)
    monkeypatch.setattr(schema, "HEAD", "0003")
    if database.kind == "sqlite":
        schema.prepare(opened)
    else:
        with pytest.raises(ConfigError, match="volt-manage db upgrade"):
            schema.prepare(opened)


def test_names_are_compared_byte_by_byte(opened):
    schema.prepare(opened)
    rows = [{"name": name, "size": 0, "fanout": 2} for name in NAMES]
    one = sa.select(models.volumes.c.name)
    with opened.begin() as connection:
        connection.execute(models.volumes.insert(), rows)
        ordered = one.order_by(models.volumes.c.name)
        found = list(connection.execute(ordered).scalars())
        assert found == sorted(NAMES, key=str.encode)
        for name in NAMES:
            same = connection.execute(one.where(models.volumes.c.name == name))
            assert list(same.scalars()) == [name]
        after = connection.execute(ordered.where(models.volumes.c.name > "a"))
        assert list(after.scalars()) == sorted(NAMES, key=str.encode)[3:]


def test_the_longest_names_have_room_and_longer_ones_are_not_cut(
    opened, database
):
    schema.prepare(opened)
    longest = "𝄞" * models.LABEL
    row = {"name": longest, "size": 0, "fanout": 2}
    with opened.begin() as connection:
        connection.execute(models.volumes.insert(), row)
        key = connection.execute(sa.select(models.volumes.c.key)).scalar_one()
        connection.execute(
            models.peers.insert(),
            dict.fromkeys(("host", "port", "iqn", "lun", "member"), longest)
            | {"volume_key": key, "peer_id": f"{longest}:{longest}"}
            | {"status": "pending", "opening": 0, "position": 2**62}
            | {"reserved_at": 0.0},
        )
        held = connection.execute(sa.select(models.peers.c.peer_id))
        assert held.scalar_one() == f"{longest}:{longest}"
    if database.kind != "sqlite":  # which knows no longest
        row |= {"name": longest + "x"}
        too_long = pytest.raises(Exception, match=r"(?i)too long")
        with too_long, opened.begin() as connection:
            connection.execute(models.volumes.insert(), row)
