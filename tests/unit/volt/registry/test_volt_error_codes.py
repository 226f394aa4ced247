# SPDX-License-Identifier: Apache-2.0
"""What a database says is told apart by its codes, never by its words."""

import sqlite3

import pymysql
import pytest
import sqlalchemy as sa
from oslo_db import exception as db
from psycopg import errors

from volt.registry import engine
from volt.registry.dialects.dialect import Mode
from volt.registry.dialects.error_codes import ErrorKind, diagnose


def wrapped(kind, cause):
    return kind("SELECT 'n2013'", {"n1205": 1}, cause)


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        (errors.SerializationFailure, ErrorKind.RACE),
        (errors.DeadlockDetected, ErrorKind.RACE),
        (errors.UniqueViolation, ErrorKind.RACE),
        (errors.LockNotAvailable, ErrorKind.BUSY),
        (errors.QueryCanceled, ErrorKind.BUSY),
        (errors.DiskFull, ErrorKind.FULL),
        (errors.ReadOnlySqlTransaction, ErrorKind.READ_ONLY),
        (errors.UndefinedTable, ErrorKind.LOST),
        (errors.IoError, ErrorKind.BROKEN),
        (errors.TooManyConnections, ErrorKind.GONE),
        (errors.AdminShutdown, ErrorKind.GONE),
        (errors.CannotConnectNow, ErrorKind.GONE),
        (errors.NotNullViolation, None),
        (errors.SyntaxError, None),
    ],
)
def test_states_of_postgresql(kind, trouble):
    assert diagnose(wrapped(sa.exc.DBAPIError, kind("no words"))) is trouble


@pytest.mark.parametrize(
    ("kind", "code", "trouble"),
    [
        (pymysql.OperationalError, 1213, ErrorKind.RACE),
        (pymysql.OperationalError, 1020, ErrorKind.RACE),
        (pymysql.IntegrityError, 1062, ErrorKind.RACE),
        (pymysql.OperationalError, 1205, ErrorKind.BUSY),
        (pymysql.OperationalError, 1969, ErrorKind.BUSY),
        (pymysql.OperationalError, 1114, ErrorKind.FULL),
        (pymysql.OperationalError, 1290, ErrorKind.READ_ONLY),
        (pymysql.ProgrammingError, 1146, ErrorKind.LOST),
        (pymysql.OperationalError, 1040, ErrorKind.GONE),
        (pymysql.OperationalError, 2003, ErrorKind.GONE),
        (pymysql.InterfaceError, 0, ErrorKind.GONE),
        (pymysql.ProgrammingError, 1064, None),
        (pymysql.IntegrityError, 1048, None),
    ],
)
def test_codes_of_mariadb(kind, code, trouble):
    cause = kind(code, "no words")
    for state in (None, "HY000", "40001"):
        cause.sqlstate = state
        assert diagnose(wrapped(sa.exc.DBAPIError, cause)) is trouble


@pytest.mark.parametrize(
    ("number", "trouble"), [(28, ErrorKind.FULL), (5, ErrorKind.BROKEN)]
)
def test_the_storage_engine_of_mariadb_quotes_the_system(number, trouble):
    told = f'Got error {number} "..." from storage engine InnoDB'
    cause = pymysql.OperationalError(1030, told)
    assert diagnose(wrapped(sa.exc.OperationalError, cause)) is trouble


@pytest.mark.parametrize(
    ("name", "trouble"),
    [
        ("SQLITE_BUSY", ErrorKind.BUSY),
        ("SQLITE_BUSY_SNAPSHOT", ErrorKind.BUSY),
        ("SQLITE_FULL", ErrorKind.FULL),
        ("SQLITE_IOERR_SHMSIZE", ErrorKind.BROKEN),
        ("SQLITE_READONLY_DBMOVED", ErrorKind.READ_ONLY),
        ("SQLITE_CONSTRAINT_UNIQUE", ErrorKind.RACE),
        ("SQLITE_CONSTRAINT_NOTNULL", None),
        ("SQLITE_MISMATCH", None),
    ],
)
def test_names_of_sqlite(name, trouble):
    cause = sqlite3.IntegrityError("no words")
    cause.sqlite_errorname = name
    assert diagnose(wrapped(sa.exc.DBAPIError, cause)) is trouble


def test_a_table_that_is_not_there_is_lost_and_a_wrong_column_ours():
    opened = engine.connect("sqlite://")
    with opened.connect() as connection:
        with pytest.raises(db.DBError) as lost:
            connection.exec_driver_sql("SELECT * FROM volumes")
        assert diagnose(lost.value) is ErrorKind.LOST


def test_what_oslo_db_says_in_words_of_its_own():
    assert diagnose(db.DBDeadlock()) is ErrorKind.RACE
    assert diagnose(db.DBDuplicateEntry()) is ErrorKind.RACE
    assert diagnose(db.DBConnectionError()) is ErrorKind.GONE
    assert diagnose(sa.exc.TimeoutError()) is ErrorKind.BUSY
    assert diagnose(db.DBError()) is None


def test_only_what_makes_others_wait_stops_them():
    assert ErrorKind.GONE.stops(Mode.READ) == list(Mode)
    assert ErrorKind.BUSY.stops(Mode.WRITE) == [Mode.WRITE]
    assert ErrorKind.FULL.stops(Mode.WRITE) == []
