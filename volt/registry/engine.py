# SPDX-License-Identifier: Apache-2.0
"""The database engine, by way of oslo.db.

SQLite is the default and needs no set-up.  Two things are taught to it:
readers that do not wait for a writer (WAL), and writers that queue up when
they begin instead of failing when they first write (BEGIN IMMEDIATE).
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import engines

from volt.registry import models

_BEGUN = 'in_transaction'
"""Where oslo.db notes that it need not say BEGIN to SQLite any more."""


def connect(url: str, **options: Any) -> sa.Engine:
    """Return an engine for ``url``; ``options`` are those of oslo.db."""
    engine: sa.Engine = engines.create_engine(url, **options)
    if engine.dialect.name == 'sqlite':
        sa.event.listen(engine, 'connect', _no_waiting_for_writers)
        engine.dispose()
    return engine


def create_tables(engine: sa.Engine) -> None:
    """Create what is missing."""
    models.metadata.create_all(engine)


@contextlib.contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Begin a transaction that is going to write; commit it at the end."""
    with engine.connect() as connection:
        lite = engine.dialect.name == 'sqlite'
        if lite:
            connection.info[_BEGUN] = True
        with connection.begin():
            if lite:
                connection.exec_driver_sql('BEGIN IMMEDIATE')
            yield connection


def _no_waiting_for_writers(connection: Any, _record: object) -> None:
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = NORMAL')
