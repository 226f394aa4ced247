# SPDX-License-Identifier: Apache-2.0
"""Run by Alembic for each command: uses the connection of the caller."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite cannot alter a column; Alembic then copies the table.
    render_as_batch=True,
)
context.run_migrations()
