# SPDX-License-Identifier: Apache-2.0
"""Databases of every age end with the same tables."""

import pathlib

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from volt.exception import ConfigError
from volt.registry import engine, migrations, models, schema


@pytest.fixture
def database():
    return engine.connect('sqlite://')


def describe(opened):
    """Return tables, columns, keys and indexes."""
    look = sa.inspect(opened)
    return {
        table: (
            [(c['name'], str(c['type']), c['nullable']) for c in columns],
            look.get_pk_constraint(table)['constrained_columns'],
            sorted(
                (i['name'], i['column_names']) for i in look.get_indexes(table)
            ),
            sorted(
                (u['name'] or '', u['column_names'])
                for u in look.get_unique_constraints(table)
            ),
        )
        for (_, table), columns in look.get_multi_columns().items()
        if table != 'alembic_version'
    }


def test_history_leads_to_the_tables_of_a_new_database(database):
    schema.prepare(database)
    old = engine.connect('sqlite://')
    with old.begin() as connection:
        migrations.upgrade(connection)
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, models.metadata) == []
    assert describe(old) == describe(database)


def test_the_head_is_the_newest_step():
    folder = pathlib.Path(migrations.__file__).parent / 'versions'
    steps = sorted(path.name for path in folder.glob('0*.py'))
    assert steps[-1].startswith(f'{schema.HEAD}_')


def test_preparing_again_changes_nothing(database):
    schema.prepare(database)
    before = describe(database)
    schema.prepare(database)
    assert describe(database) == before


def test_a_database_that_is_behind_is_upgraded(database):
    with database.begin() as connection:
        schema._version.create(connection)
        connection.execute(schema._version.insert(), {'version_num': '0001'})
        connection.execute(schema._version.delete())
    with database.begin() as connection:
        schema._upgrade(connection, 'none')
    assert set(describe(database)) == set(models.metadata.tables)


def test_a_database_of_a_newer_volt_is_refused(database):
    schema.prepare(database)
    with database.begin() as connection:
        connection.execute(schema._version.update(), {'version_num': '9999'})
    with pytest.raises(ConfigError, match=r'9999.*newer'):
        schema.prepare(database)


def test_a_database_of_somebody_else_is_refused(database):
    with database.begin() as connection:
        connection.execute(sa.text('CREATE TABLE volumes (id INTEGER)'))
    with pytest.raises(ConfigError, match=r'volumes.*of its own'):
        schema.prepare(database)
