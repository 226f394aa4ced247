# SPDX-License-Identifier: Apache-2.0
"""The tables.

Every question on the path of a request is one descent of an index, so its
cost grows with the logarithm of the number of peers:

==================================  =====================================
question                            answered by
==================================  =====================================
who stands at these positions?      unique (volume_key, position)
where is this peer?                 unique (volume_key, peer_id)
lowest place with room?             index (volume_key, opening, position)
what does this member hold?         index (member)
who is overdue?                     index (due)
which reservations are stale?       index (status, reserved_at)
==================================  =====================================

Times are seconds since the epoch by the clock of the database.
"""

from typing import Any

import sqlalchemy as sa

LABEL = 255
"""Longest name, address part or label, in characters."""
PEER_ID = 2 * LABEL + 1
"""A host, a colon and a volume id."""

metadata = sa.MetaData()
_options: dict[str, Any] = {
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}
_key = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _label(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(LABEL), nullable=nullable)


volumes = sa.Table(
    'volumes',
    metadata,
    sa.Column('key', _key, primary_key=True),
    sa.Column('name', sa.String(LABEL), nullable=False, unique=True),
    sa.Column('size', sa.BigInteger, nullable=False),
    sa.Column('fanout', sa.Integer, nullable=False),
    **_options,
)

peers = sa.Table(
    'peers',
    metadata,
    sa.Column('key', _key, primary_key=True),
    sa.Column('volume_key', sa.ForeignKey('volumes.key'), nullable=False),
    sa.Column('peer_id', sa.String(PEER_ID), nullable=False),
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
    sa.UniqueConstraint('volume_key', 'position', name='uq_peers_position'),
    sa.Index('ix_peers_opening', 'volume_key', 'opening', 'position'),
    sa.Index('ix_peers_member', 'member'),
    sa.Index('ix_peers_reserved', 'status', 'reserved_at'),
    **_options,
)

members = sa.Table(
    'members',
    metadata,
    sa.Column('name', sa.String(LABEL), primary_key=True),
    sa.Column('last_seen', sa.Double, nullable=False),
    sa.Column('due', sa.Double, nullable=False),
    sa.Index('ix_members_due', 'due'),
    **_options,
)

leases = sa.Table(
    'leases',
    metadata,
    sa.Column('duty', sa.String(32), primary_key=True),
    sa.Column('holder', sa.String(64), nullable=False),
    sa.Column('until', sa.Double, nullable=False),
    **_options,
)

images = sa.Table(
    'images',
    metadata,
    sa.Column('id', sa.String(LABEL), primary_key=True),
    sa.Column('size', sa.BigInteger, nullable=False),
    _label('generation'),
    _label('serial'),
    _label('digest', nullable=True),
    **_options,
)

portals = sa.Table(
    'portals',
    metadata,
    sa.Column('image_id', sa.ForeignKey('images.id'), primary_key=True),
    sa.Column('host', sa.String(LABEL), primary_key=True),
    sa.Column('port', sa.String(LABEL), primary_key=True),
    _label('iqn'),
    _label('lun'),
    **_options,
)
