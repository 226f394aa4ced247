# SPDX-License-Identifier: Apache-2.0
"""Looks at a database for its operator: whether it answers and is ours."""

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
    """What was seen; times in seconds."""

    url: str
    """Without the password."""
    server: str
    version: Version
    answers_in: float = 0.0
    ahead: float = 0.0
    """By how much its clock is ahead of this host's."""

    @property
    def right(self) -> bool:
        """Whether volt-api can use it as it is."""
        return self.version.state is State.CURRENT


def inspect(url: str, **options: Any) -> Report:
    """Look at a database and change nothing; raise ``ConfigError``.

    That it takes changes is tried, too, with one that is taken back.
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
    """Bring a database to its tables; return what it was and what it is.

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
    told = clock.now(connection)
    took = time.monotonic() - asked
    return Report(
        str(connection.engine.url),
        _server(connection.dialect),
        schema.version(connection),
        took,
        # It was told about in the middle of the time that it took.
        told + took / 2 - time.time(),
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
    """Tell a file that SQLite would make by looking at it."""
    return (
        url.get_backend_name() == "sqlite"
        and url.database not in (None, "", ":memory:")
        and not pathlib.Path(str(url.database)).exists()
    )
