# SPDX-License-Identifier: Apache-2.0
"""What is given up after a time, and what is not."""

import time

import pytest
import sqlalchemy as sa

from volt.registry import engine, models, schema
from volt.registry.dialects.dialect import Limits, Mode
from volt.registry.dialects.error_codes import ERRORS, ErrorKind, diagnose

SLEEP = {
    "postgresql": "SELECT pg_sleep({})",
    # Not benchmark(): between two calls of sleep() it overlooks its end.
    "mariadb": "SELECT sleep({})",
}
LOCK = sa.select(models.volumes).with_for_update()
NEW = {"name": "v", "size": 0, "fanout": 2}


def writing(opened):
    return engine.transaction(opened, Mode.WRITE)


@pytest.fixture
def connect(database):
    """Connect with limits; the database has one volume."""
    made = []

    def make(**limits):
        opened = engine.connect(database.url, Limits(**limits))
        made.append(opened)
        return opened

    opened = make()
    schema.prepare(opened)
    with writing(opened) as connection:
        connection.execute(models.volumes.insert(), NEW)
    yield make
    for one in made:
        one.dispose()


# A file has no other side that could be slow.
on_servers = pytest.mark.parametrize(
    "new_database", ["postgresql", "mariadb"], indirect=True
)


@on_servers
def test_a_statement_may_take_longer_than_connecting(connect, database):
    opened = connect(connect=1, lock=1, answer=30)
    with writing(opened) as connection:
        connection.exec_driver_sql(SLEEP[database.kind].format(2))


@on_servers
def test_a_statement_that_takes_too_long_is_ended(connect, database):
    opened = connect(answer=1)
    with pytest.raises(ERRORS) as ended, writing(opened) as connection:
        connection.exec_driver_sql(SLEEP[database.kind].format(60))
    assert diagnose(ended.value) is ErrorKind.BUSY


def test_for_a_locked_row_one_waits_only_so_long(connect):
    with writing(connect()) as first:
        first.execute(LOCK)
        with pytest.raises(ERRORS) as ended, writing(connect(lock=1)) as other:
            other.execute(LOCK)
    assert diagnose(ended.value) is ErrorKind.BUSY


@on_servers
def test_who_is_cut_off_keeps_no_row_locked(connect, database):
    cut_off = connect(answer=1).connect()
    cut_off.begin()
    engine.begin(cut_off, Mode.WRITE)
    cut_off.execute(LOCK)
    with writing(connect(lock=30, answer=60)) as other:
        assert other.execute(LOCK).one().name == "v"
    with pytest.raises(ERRORS) as ended:
        cut_off.execute(LOCK)
    assert diagnose(ended.value) is ErrorKind.GONE
    cut_off.close()


@on_servers
def test_a_wait_without_limits_has_none(connect, database):
    opened = connect(connect=1, lock=1, answer=0)
    began = time.monotonic()
    with writing(opened) as connection:
        connection.exec_driver_sql(SLEEP[database.kind].format(3))
    assert time.monotonic() - began > 2
