# SPDX-License-Identifier: Apache-2.0
"""Secrets that all workers share, such as the key of tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _text(longest: int) -> sa.String:
    plain = sa.String(longest, collation="C")
    return sa.String(longest).with_variant(plain, "postgresql")


def upgrade() -> None:
    """Create the table of secrets; the secrets are made at first use."""
    op.create_table(
        "secrets",
        sa.Column("name", _text(32), primary_key=True),
        sa.Column("value", _text(64), nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
