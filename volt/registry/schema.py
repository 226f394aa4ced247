# SPDX-License-Identifier: Apache-2.0
"""Brings a database to the tables of this version.

A new database gets them as they are now, without a walk through history
(and without the time it takes to import Alembic); one that is behind is
upgraded step by step.
"""

import sqlalchemy as sa

from volt.exception import ConfigError
from volt.registry import models
from volt.registry.engine import WRITES

HEAD = '0001'
"""The newest revision in migrations/versions."""

_version = sa.Table(
    'alembic_version',
    sa.MetaData(),
    sa.Column('version_num', sa.String(32), primary_key=True),
)


def prepare(engine: sa.Engine) -> None:
    """Create what is missing, or upgrade what is old.

    Raises ``ConfigError`` for a database of a newer version, or one whose
    tables are not ours.
    """
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        version = _current(connection)
        if version is None:
            _create(connection)
        elif version != HEAD:
            _upgrade(connection, version)


def _current(connection: sa.Connection) -> str | None:
    tables = set(sa.inspect(connection).get_table_names())
    if _version.name in tables:
        return connection.execute(sa.select(_version)).scalar_one_or_none()
    taken = tables & models.metadata.tables.keys()
    if taken:
        raise ConfigError(
            f"the database has tables {', '.join(sorted(taken))} that volt "
            "did not make; give it a database of its own"
        )
    return None


def _create(connection: sa.Connection) -> None:
    models.metadata.create_all(connection)
    _version.create(connection, checkfirst=True)
    connection.execute(_version.insert(), {'version_num': HEAD})


def _upgrade(connection: sa.Connection, version: str) -> None:
    from alembic.util.exc import CommandError

    from volt.registry import migrations

    try:
        migrations.upgrade(connection)
    except CommandError as error:
        raise ConfigError(
            f"the database is at revision {version}, which this volt does "
            f"not know (it knows up to {HEAD}): run the newer volt"
        ) from error
