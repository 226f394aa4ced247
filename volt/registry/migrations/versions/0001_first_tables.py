# SPDX-License-Identifier: Apache-2.0
"""The first tables: trees, their peers, nodes, images and portals."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None

_OPTIONS: dict[str, Any] = {
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}
_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _label(
    name: str, *, nullable: bool = False, key: bool = False
) -> sa.Column[str]:
    kind = sa.String(255)
    if key:
        return sa.Column(name, kind, primary_key=True)
    return sa.Column(name, kind, nullable=nullable)


def upgrade() -> None:
    """Create them."""
    _create_trees()
    _create_nodes_and_images()


def _create_trees() -> None:
    op.create_table(
        'volumes',
        sa.Column('key', _KEY, primary_key=True),
        sa.Column('name', sa.String(255), nullable=False, unique=True),
        sa.Column('size', sa.BigInteger, nullable=False),
        sa.Column('fanout', sa.Integer, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        'peers',
        sa.Column('key', _KEY, primary_key=True),
        sa.Column(
            'volume_key', _KEY, sa.ForeignKey('volumes.key'), nullable=False
        ),
        sa.Column('peer_id', sa.String(511), nullable=False),
        _label('member'),
        _label('host'),
        _label('port', nullable=True),
        _label('iqn', nullable=True),
        _label('lun', nullable=True),
        sa.Column('status', sa.String(8), nullable=False),
        sa.Column('opening', sa.SmallInteger, nullable=False),
        sa.Column('position', sa.BigInteger, nullable=False),
        sa.Column('reserved_at', sa.Double, nullable=False),
        sa.UniqueConstraint('volume_key', 'peer_id', name='uq_peers_peer_id'),
        sa.UniqueConstraint(
            'volume_key', 'position', name='uq_peers_position'
        ),
        sa.Index('ix_peers_opening', 'volume_key', 'opening', 'position'),
        sa.Index('ix_peers_member', 'member'),
        sa.Index('ix_peers_reserved', 'status', 'reserved_at'),
        **_OPTIONS,
    )


def _create_nodes_and_images() -> None:
    op.create_table(
        'members',
        _label('name', key=True),
        sa.Column('last_seen', sa.Double, nullable=False),
        sa.Column('due', sa.Double, nullable=False),
        sa.Index('ix_members_due', 'due'),
        **_OPTIONS,
    )
    op.create_table(
        'leases',
        sa.Column('duty', sa.String(32), primary_key=True),
        sa.Column('holder', sa.String(64), nullable=False),
        sa.Column('until', sa.Double, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        'images',
        _label('id', key=True),
        sa.Column('size', sa.BigInteger, nullable=False),
        _label('generation'),
        _label('serial'),
        _label('digest', nullable=True),
        **_OPTIONS,
    )
    op.create_table(
        'portals',
        sa.Column(
            'image_id',
            sa.String(255),
            sa.ForeignKey('images.id'),
            primary_key=True,
        ),
        _label('host', key=True),
        _label('port', key=True),
        _label('iqn'),
        _label('lun'),
        **_OPTIONS,
    )
