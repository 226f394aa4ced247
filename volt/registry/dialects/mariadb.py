# SPDX-License-Identifier: Apache-2.0
"""The registry in MariaDB, by way of PyMySQL.

Names are compared byte by byte, as in the other databases, by the collation
in volt/registry/models.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from volt.registry.dialects.dialect import Dialect, Limits, Mode

WAIT = 30
"""Seconds to wait for another process that makes the tables."""


class MariaDB(Dialect):
    """A server of MariaDB, 10.6 or newer."""

    # SQLAlchemy's other name for it, mariadb, is unknown to oslo.db.
    driver = "mysql+pymysql"
    extra = "mariadb"
    clock = "SELECT unix_timestamp(now(6))"

    def arguments(self, url: sa.URL, limits: Limits) -> Mapping[str, Any]:
        """Return the arguments of the engine.

        TRADITIONAL: a value that does not fit is an error, and is not cut.
        UTC: no hour occurs twice.
        """
        settings = {
            "sql_mode": "'TRADITIONAL'",
            "time_zone": "'+00:00'",
            "innodb_lock_wait_timeout": limits.lock,
            "max_statement_time": limits.answer,
            # So that a volt that is cut off keeps no tree locked.
            "idle_transaction_timeout": limits.answer,
        }
        assignments = ", ".join(
            f"{name} = {settings[name]}" for name in settings
        )
        return {
            "isolation_level": "REPEATABLE READ",
            "connect_args": {
                "charset": "utf8mb4",
                "connect_timeout": limits.connect,
                # Connecting reads, too; listen() raises the time limit then.
                "read_timeout": limits.connect,
                "write_timeout": limits.answer_timeout or None,
                "init_command": f"SET SESSION {assignments}",
            },
        }

    def listen(self, engine: sa.Engine, limits: Limits) -> None:
        """Let each connection wait longer for answers than for a greeting."""

        def set_up(connection: Any, _record: object) -> None:
            connection._read_timeout = limits.answer_timeout or None

        sa.event.listen(engine, "connect", set_up)

    def begin(self, connection: sa.Connection, mode: Mode) -> None:
        """Choose the isolation of a transaction that is going to lock.

        With READ COMMITTED, rows read after the lock are the latest ones, and
        there are no locks on gaps between rows, over which inserts deadlock.
        """
        if mode is Mode.WRITE:
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
            )

    @contextlib.contextmanager
    def alone(self, connection: sa.Connection) -> Iterator[None]:
        """Hold a lock of the server, since CREATE TABLE ends transactions."""
        name = "CONCAT('volt tables of ', LEFT(DATABASE(), 40))"
        got = connection.exec_driver_sql(f"SELECT GET_LOCK({name}, {WAIT})")
        if not got.scalar_one():
            raise TimeoutError(
                f"another volt has kept the tables locked for {WAIT} s"
            )
        try:
            yield
            # The next holder of the lock must see the tables: without this, a
            # second volt sometimes found no revision, and inserted another.
            connection.exec_driver_sql("COMMIT")
        finally:
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK({name})")
