# SPDX-License-Identifier: Apache-2.0
"""Makes the database engine: the kind of database, and its connections.

Each kind has a file of its own: sqlite.py, postgresql.py, mariadb.py.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import exc_filters

from volt.exception import ConfigError
from volt.registry.dialects.dialect import Dialect, Limits, Mode
from volt.registry.dialects.mariadb import MariaDB
from volt.registry.dialects.postgresql import PostgreSQL
from volt.registry.dialects.sqlite import SQLite

KINDS: dict[str, Dialect] = {
    "sqlite": SQLite(),
    "postgresql": PostgreSQL(),
    "mariadb": MariaDB(),
    "mysql": MariaDB(),
}


def connect(
    url: str, limits: Limits | None = None, **options: Any
) -> sa.Engine:
    """Return an engine for ``url``; ``options`` are those of oslo.db.

    It opens no connection yet.  Raises ``ConfigError`` for an unknown kind of
    database, or one whose driver is not installed.
    """
    limits = limits or Limits()
    named, kind = _resolve(url, options.get("connection_parameters"))
    arguments = {**kind.arguments(named, limits), **_pool(kind, options)}
    _log(options.get("connection_debug") or 0)
    try:
        engine = sa.create_engine(named, **arguments)
    except ImportError as error:
        raise ConfigError(
            f"cannot open the registry: {error}; install the driver: "
            f"pip install 'vmthunder[{kind.extra}]'"
        ) from error
    kind.listen(engine, limits)
    # Not oslo.db's register_engine(): what it adds is for savepoints, and its
    # listener of transactions makes each statement cost half as much again.
    sa.event.listen(engine, "handle_error", exc_filters.handler, retval=True)
    return engine


@contextlib.contextmanager
def transaction(engine: sa.Engine, mode: Mode) -> Iterator[sa.Connection]:
    """Run one transaction: committed at the end, rolled back on errors."""
    with engine.connect() as connection, connection.begin():
        begin(connection, mode)
        yield connection


def begin(connection: sa.Connection, mode: Mode) -> None:
    """Prepare a transaction that has just begun for its mode."""
    kind_of(connection).begin(connection, mode)


def kind_of(connection: sa.Connection) -> Dialect:
    """Return the kind of database of a connection."""
    return KINDS[connection.dialect.name]


def _resolve(url: str, parameters: str | None) -> tuple[sa.URL, Dialect]:
    parsed = sa.make_url(url)
    if parameters:
        parsed = parsed.update_query_string(parameters, append=True)
    backend, _, driver = parsed.drivername.partition("+")
    kind = KINDS.get(backend)
    if kind is None or driver not in ("", kind.driver.partition("+")[2]):
        kinds = ", ".join(f"{name}://" for name in KINDS)
        raise ConfigError(
            f"cannot open the registry: [database] connection = {parsed}: "
            f"volt knows {kinds}"
        )
    return parsed.set(drivername=kind.driver), kind


def _pool(kind: Dialect, options: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kind, SQLite):
        return {}
    names = {
        "connection_recycle_time": "pool_recycle",
        "max_pool_size": "pool_size",
        "max_overflow": "max_overflow",
        "pool_timeout": "pool_timeout",
    }
    given = {ours: options.get(name) for name, ours in names.items()}
    return {name: given[name] for name in given if given[name] is not None}


def _log(debug: int) -> None:
    # oslo.db's filter logs each error with a traceback.  The session reports
    # errors of the database, and the middleware logs faults of volt.
    logging.getLogger(exc_filters.__name__).setLevel(logging.CRITICAL)
    if debug >= 50:
        level = logging.DEBUG if debug >= 100 else logging.INFO
        logging.getLogger("sqlalchemy.engine").setLevel(level)
