# SPDX-License-Identifier: Apache-2.0
"""Inspects a database for its operator: answers, version, clock, writes."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from typing import Any

import sqlalchemy as sa

from volt.registry import clock, engine, schema
from volt.registry.connect import explained
from volt.registry.dialects.dialect import UNHURRIED, Mode
from volt.registry.schema import State, Version


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """The result of an inspection; times in seconds."""

    url: str
    """The URL of the database, without the password."""
    server: str
    version: Version
    answers_in: float = 0.0
    ahead: float = 0.0
    """The lead of the database's clock over this host's."""

    @property
    def right(self) -> bool:
        """Whether volt-api can use the database as it is."""
        return self.version.state is State.CURRENT


def inspect(url: str, **options: Any) -> Report:
    """Inspect a database and change nothing; raise ``ConfigError``.

    Whether it takes changes is tried with a change that is rolled back.
    """
    with explained(url):
        opened = engine.connect(url, **options)
        if _is_missing(opened.url):
            return Report(str(opened.url), "SQLite", Version(State.EMPTY))
        with opened.connect() as connection:
            transaction = connection.begin()
            engine.begin(connection, Mode.WRITE)
            report = _look(connection)
            if report.right:
                schema.touch(connection)
            transaction.rollback()
        opened.dispose()
        return report


def upgrade(url: str, **options: Any) -> tuple[Version, Version]:
    """Create or upgrade the tables; return the versions before and after.

    Raises ``ConfigError``.
    """
    with explained(url):
        opened = engine.connect(url, UNHURRIED, **options)
        try:
            return schema.upgrade(opened)
        finally:
            opened.dispose()


def _look(connection: sa.Connection) -> Report:
    asked = time.monotonic()
    remote = clock.now(connection)
    took = time.monotonic() - asked
    return Report(
        str(connection.engine.url),
        _server(connection.dialect),
        schema.version(connection),
        took,
        # The clock was read, on average, in the middle of the answer's time.
        remote + took / 2 - time.time(),
    )


def _server(dialect: sa.Dialect) -> str:
    name = "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
    numbers = [
        str(part)
        for part in dialect.server_version_info or ()
        if isinstance(part, int)
    ]
    return f"{_NAMES.get(name, name)} {'.'.join(numbers)}"


_NAMES = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
}


def _is_missing(url: sa.URL) -> bool:
    """Return whether an SQLite file is missing; connecting would make it."""
    return (
        url.get_backend_name() == "sqlite"
        and url.database not in (None, "", ":memory:")
        and not pathlib.Path(str(url.database)).exists()
    )
