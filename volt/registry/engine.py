# SPDX-License-Identifier: Apache-2.0
"""The database engine.

Servers are connected by way of oslo.db.  SQLite, the default, is set up
here: readers that do not wait for a writer (WAL), writers that queue up when
they begin instead of failing when they first write (BEGIN IMMEDIATE), and
connections that stay open: with the last one SQLite would fold its log into
the file, which takes longer than a join.
"""

from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy import pool

WRITES = 'volt_writes'
"""Execution option of connections whose transactions are going to write."""


def connect(url: str, **options: Any) -> sa.Engine:
    """Return an engine for ``url``; ``options`` are those of oslo.db."""
    if not url.startswith('sqlite'):
        # It brings SQLAlchemy's ORM along, which takes a while.
        from oslo_db.sqlalchemy import engines

        engine: sa.Engine = engines.create_engine(url, **options)
        return engine
    return _sqlite(url)


def _sqlite(url: str) -> sa.Engine:
    in_memory = sa.make_url(url).database in (None, '', ':memory:')
    engine = sa.create_engine(
        url,
        # A registry in memory lives in its one connection.
        poolclass=pool.StaticPool if in_memory else pool.QueuePool,
        connect_args={'check_same_thread': False},
    )
    sa.event.listen(engine, 'connect', _set_up)
    sa.event.listen(engine, 'begin', _begin)
    exc_filters.register_engine(engine)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    # Python's own idea of when to say BEGIN leaves no room for IMMEDIATE.
    connection.isolation_level = None
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = NORMAL')


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql('BEGIN IMMEDIATE' if writes else 'BEGIN')
