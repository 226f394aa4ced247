# SPDX-License-Identifier: Apache-2.0
"""Databases of every age end with the same tables."""

import pathlib
import shutil

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from volt.exception import ConfigError
from volt.registry import engine, migrations, models, schema
from volt.registry.dialects.sqlite import SQLite


@pytest.fixture
def database():
    return engine.connect("sqlite://")


def describe(opened):
    """Return tables, columns, keys and indexes."""
    look = sa.inspect(opened)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in columns],
            look.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (i["name"], i["column_names"]) for i in look.get_indexes(table)
            ),
            sorted(
                (u["name"] or "", u["column_names"])
                for u in look.get_unique_constraints(table)
            ),
        )
        for (_, table), columns in look.get_multi_columns().items()
        if table != "alembic_version"
    }


def test_history_leads_to_the_tables_of_a_new_database(database):
    schema.prepare(database)
    old = engine.connect("sqlite://")
    with old.begin() as connection:
        migrations.upgrade(connection)
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, models.metadata) == []
    assert describe(old) == describe(database)


def test_the_head_is_the_newest_step():
    folder = pathlib.Path(migrations.__file__).parent / "versions"
    steps = sorted(path.name for path in folder.glob("0*.py"))
    assert steps[-1].startswith(f"{schema.HEAD}_")


def test_preparing_again_changes_nothing(database):
    schema.prepare(database)
    before = describe(database)
    schema.prepare(database)
    assert describe(database) == before


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """Be a volt with one step more."""
    shutil.copytree(migrations.FOLDER, tmp_path / "migrations")
    (tmp_path / "migrations" / "versions" / "0003_more.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        "revision = '0003'\n"
        "down_revision = '0002'\n"
        "def upgrade():\n"
        "    op.add_column('leases', sa.Column('note', sa.String(9)))\n"
    )

    def become():
        monkeypatch.setattr(migrations, "FOLDER", tmp_path / "migrations")
        monkeypatch.setattr(schema, "HEAD", "0003")

    return become


def state(opened):
    with opened.begin() as connection:
        return schema.version(connection).state


def test_a_file_that_is_behind_is_upgraded_by_whoever_opens_it(
    database, newer
):
    schema.prepare(database)
    newer()
    assert state(database) is schema.State.BEHIND
    schema.prepare(database)
    assert state(database) is schema.State.CURRENT
    columns = sa.inspect(database).get_columns("leases")
    assert columns[-1]["name"] == "note"


def test_a_server_that_is_behind_is_left_to_the_operator(
    database, newer, monkeypatch
):
    schema.prepare(database)
    newer()
    monkeypatch.setattr(SQLite, "upgrades_itself", False)
    with pytest.raises(ConfigError, match=r"0002.*0003.*volt-manage db up"):
        schema.prepare(database)
    before, after = schema.upgrade(database)
    assert (before.revision, after.revision) == ("0002", "0003")
    schema.prepare(database)


def test_tables_that_were_half_made_are_completed(database):
    schema.prepare(database)
    with database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE leases")
        connection.exec_driver_sql("DELETE FROM alembic_version")
    schema.prepare(database)
    assert set(describe(database)) == set(models.metadata.tables)


def test_a_database_of_a_newer_volt_is_refused(database):
    schema.prepare(database)
    with database.begin() as connection:
        connection.execute(schema._version.update(), {"version_num": "9999"})
    with pytest.raises(ConfigError, match=r"9999.*newer"):
        schema.prepare(database)


def test_a_database_of_somebody_else_is_refused(database):
    with database.begin() as connection:
        connection.execute(sa.text("CREATE TABLE volumes (id INTEGER)"))
    with pytest.raises(ConfigError, match=r"volumes.*of its own"):
        schema.prepare(database)
