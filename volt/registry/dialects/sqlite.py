# SPDX-License-Identifier: Apache-2.0
"""The registry in SQLite, the default: one file, no set-up.

Readers do not wait for a writer (WAL); writers queue up when they begin,
instead of failing when they first write (BEGIN IMMEDIATE).  Connections stay
open: with the last one SQLite would fold its log into the file, which takes
longer than a join.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import pool

from volt.registry.dialects.dialect import Dialect, Limits, Mode

PATIENCE = 3.0
"""Seconds to wait for another process that switches a file to WAL."""

LOG_PAGES = 4000
"""Pages of 4 KiB in the log when it is folded into the file, SQLite's own
default being 1000: a join changes ten pages, mostly the same as the last."""


class SQLite(Dialect):
    """A file of SQLite, or the memory of this process."""

    driver = "sqlite"
    upgrades_itself = True

    def arguments(self, url: sa.URL, limits: Limits) -> Mapping[str, Any]:
        """Return the arguments; a memory database has one connection."""
        in_memory = url.database in (None, "", ":memory:")
        return {
            "poolclass": pool.StaticPool if in_memory else pool.QueuePool,
            "connect_args": {
                "check_same_thread": False,
                "timeout": limits.lock,
            },
        }

    def listen(self, engine: sa.Engine, limits: Limits) -> None:
        """Have each new connection set up."""
        sa.event.listen(engine, "connect", _set_up)

    def begin(self, connection: sa.Connection, mode: Mode) -> None:
        """Send BEGIN; every transaction of SQLite is a consistent picture."""
        connection.exec_driver_sql(
            "BEGIN" if mode is Mode.READ else "BEGIN IMMEDIATE"
        )


def _set_up(connection: Any, _record: object) -> None:
    # Python's own BEGIN would not be BEGIN IMMEDIATE.
    connection.isolation_level = None
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")


def _write_ahead(connection: Any) -> None:
    """Switch the file to WAL; wait for other processes that do the same.

    Workers that start together on a new file meet at this point, and
    SQLite's own timeout does not cover it.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorname == "SQLITE_BUSY"
            if not busy or time.monotonic() > end:
                raise
        time.sleep(0.01)
