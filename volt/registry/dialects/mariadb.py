# SPDX-License-Identifier: Apache-2.0
"""MariaDB, by way of PyMySQL.

It compares names byte by byte here as the other databases do: see the
collation in volt/registry/models.py.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from volt.registry.dialects.dialect import Dialect, Limits, Mode

WAIT = 30
"""Seconds to wait for another process that makes the tables."""


class MariaDB(Dialect):
    """A server, 10.6 or newer."""

    # SQLAlchemy's other name for it, mariadb, is unknown to oslo.db.
    driver = "mysql+pymysql"
    extra = "mariadb"
    clock = "SELECT unix_timestamp(now(6))"

    def arguments(self, url: sa.URL, limits: Limits) -> Mapping[str, Any]:
        """Return them.

        Strict: a value that does not fit is an error, not cut.  In UTC: the
        clock has no hour twice.
        """
        settings = {
            "sql_mode": "'TRADITIONAL'",
            "time_zone": "'+00:00'",
            "innodb_lock_wait_timeout": limits.lock,
            "max_statement_time": limits.answer,
            # A volt that is cut off keeps no tree locked for others.
            "idle_transaction_timeout": limits.answer,
        }
        told = ", ".join(f"{name} = {settings[name]}" for name in settings)
        return {
            "isolation_level": "REPEATABLE READ",
            "connect_args": {
                "charset": "utf8mb4",
                "connect_timeout": limits.connect,
                # Connecting is reading, too; see listen().
                "read_timeout": limits.connect,
                "write_timeout": limits.patience or None,
                "init_command": f"SET SESSION {told}",
            },
        }

    def listen(self, engine: sa.Engine, limits: Limits) -> None:
        """Wait longer for answers than for the server to say hello."""

        def set_up(connection: Any, _record: object) -> None:
            connection._read_timeout = limits.patience or None

        sa.event.listen(engine, "connect", set_up)

    def begin(self, connection: sa.Connection, mode: Mode) -> None:
        """Choose the isolation of a transaction that is going to lock.

        Only then is what we see after the lock the latest, and there are
        no locks on the gaps between rows, over which inserts deadlock.
        """
        if mode is Mode.WRITE:
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
            )

    @contextlib.contextmanager
    def alone(self, connection: sa.Connection) -> Iterator[None]:
        """Hold a lock of the server: here, CREATE TABLE ends transactions."""
        name = "CONCAT('volt tables of ', LEFT(DATABASE(), 40))"
        got = connection.exec_driver_sql(f"SELECT GET_LOCK({name}, {WAIT})")
        if not got.scalar_one():
            raise TimeoutError("another volt has been at the tables for long")
        try:
            yield
            # Who gets the lock next must see it: without this a second volt
            # has found no revision now and then, and has made one, too.
            connection.exec_driver_sql("COMMIT")
        finally:
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK({name})")
