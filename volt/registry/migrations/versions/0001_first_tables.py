# SPDX-License-Identifier: Apache-2.0
"""The first tables: trees, their peers, nodes, images and portals."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(longest: int) -> sa.String:
    plain = sa.String(longest, collation="C")
    return sa.String(longest).with_variant(plain, "postgresql")


def _label(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _text(255), **({"nullable": False} | more))


def upgrade() -> None:
    """Create the first tables."""
    _create_trees()
    _create_nodes_and_images()


def _create_trees() -> None:
    op.create_table(
        "volumes",
        sa.Column("key", _KEY, primary_key=True),
        _label("name", unique=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("fanout", sa.Integer, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        "peers",
        sa.Column("key", _KEY, primary_key=True),
        sa.Column(
            "volume_key", _KEY, sa.ForeignKey("volumes.key"), nullable=False
        ),
        sa.Column("peer_id", _text(511), nullable=False),
        _label("member"),
        _label("host"),
        _label("port", nullable=True),
        _label("iqn", nullable=True),
        _label("lun", nullable=True),
        sa.Column("status", _text(8), nullable=False),
        sa.Column("opening", sa.SmallInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("reserved_at", sa.Double, nullable=False),
        sa.UniqueConstraint("volume_key", "peer_id", name="uq_peers_peer_id"),
        sa.UniqueConstraint(
            "volume_key", "position", name="uq_peers_position"
        ),
        sa.Index("ix_peers_opening", "volume_key", "opening", "position"),
        sa.Index("ix_peers_member", "member"),
        sa.Index("ix_peers_reserved", "status", "reserved_at"),
        **_OPTIONS,
    )


def _create_nodes_and_images() -> None:
    op.create_table(
        "members",
        _label("name", primary_key=True),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Index("ix_members_due", "due"),
        **_OPTIONS,
    )
    op.create_table(
        "leases",
        sa.Column("duty", _text(32), primary_key=True),
        sa.Column("holder", _text(64), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        "images",
        sa.Column("key", _KEY, primary_key=True),
        _label("id", unique=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        _label("generation"),
        _label("serial"),
        _label("digest", nullable=True),
        **_OPTIONS,
    )
    op.create_table(
        "portals",
        sa.Column(
            "image_key", _KEY, sa.ForeignKey("images.key"), primary_key=True
        ),
        _label("host", primary_key=True),
        _label("port", primary_key=True),
        _label("iqn"),
        _label("lun"),
        **_OPTIONS,
    )
