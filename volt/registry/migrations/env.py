# SPDX-License-Identifier: Apache-2.0
"""Alembic runs this for each command: uses the caller's connection."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite cannot alter a column; Alembic then copies the table.
    render_as_batch=True,
)
context.run_migrations()
