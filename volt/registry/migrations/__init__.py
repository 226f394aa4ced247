# SPDX-License-Identifier: Apache-2.0
"""The history of the tables, in steps of Alembic (versions/)."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def upgrade(connection: sa.Connection, revision: str = 'head') -> None:
    """Run the steps that are missing, in the transaction given."""
    config = Config()
    config.set_main_option('script_location', 'volt.registry:migrations')
    config.attributes['connection'] = connection
    command.upgrade(config, revision)
