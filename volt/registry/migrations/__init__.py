# SPDX-License-Identifier: Apache-2.0
"""Upgrades old tables, in steps of Alembic (versions/)."""

from __future__ import annotations

import pathlib

import sqlalchemy as sa

FOLDER = pathlib.Path(__file__).parent


def revisions() -> set[str]:
    """Return the revisions of all steps, by the names of their files."""
    files = (FOLDER / "versions").glob("[0-9]*.py")
    return {path.name.partition("_")[0] for path in files}


def upgrade(connection: sa.Connection, revision: str = "head") -> None:
    """Run the missing steps up to a revision, in the caller's transaction."""
    # Alembic takes as long to import as all the rest of volt.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
