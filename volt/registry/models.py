# SPDX-License-Identifier: Apache-2.0
"""The tables of the registry.

Every question on the path of a request is one descent of an index, so its
cost grows with the logarithm of the number of peers:

==================================  =====================================
question                            answered by
==================================  =====================================
which peers are at these positions? unique (volume_key, position)
where is this peer?                 unique (volume_key, peer_id)
lowest place with room?             index (volume_key, opening, position)
what does this member hold?         index (member)
which nodes are overdue?            index (due)
which reservations are stale?       index (status, reserved_at)
==================================  =====================================

Times are seconds since the epoch by the clock of the database.

Names are compared byte by byte, and sorted so, in every database: case
counts, and no locale does.  The widest index (volume_key, peer_id) takes
2052 of the 3072 bytes that MariaDB allows, at four bytes a character.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

LABEL = 255
"""Most characters of a name, part of an address, or label."""
PEER_ID = 2 * LABEL + 1
"""A host, a colon and a volume id."""

metadata = sa.MetaData()
_options: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(longest: int) -> sa.String:
    plain = sa.String(longest, collation="C")
    return sa.String(longest).with_variant(plain, "postgresql")


def _label(name: str, **more: Any) -> sa.Column[str]:
    return sa.Column(name, _text(LABEL), **({"nullable": False} | more))


volumes = sa.Table(
    "volumes",
    metadata,
    sa.Column("key", _key, primary_key=True),
    _label("name", unique=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("fanout", sa.Integer, nullable=False),
    **_options,
)

peers = sa.Table(
    "peers",
    metadata,
    sa.Column("key", _key, primary_key=True),
    sa.Column("volume_key", sa.ForeignKey("volumes.key"), nullable=False),
    sa.Column("peer_id", _text(PEER_ID), nullable=False),
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
    sa.UniqueConstraint("volume_key", "position", name="uq_peers_position"),
    sa.Index("ix_peers_opening", "volume_key", "opening", "position"),
    sa.Index("ix_peers_member", "member"),
    sa.Index("ix_peers_reserved", "status", "reserved_at"),
    **_options,
)

members = sa.Table(
    "members",
    metadata,
    _label("name", primary_key=True),
    sa.Column("last_seen", sa.Double, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Index("ix_members_due", "due"),
    **_options,
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("duty", _text(32), primary_key=True),
    sa.Column("holder", _text(64), nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    **_options,
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("name", _text(32), primary_key=True),
    sa.Column("value", _text(64), nullable=False),
    **_options,
)

images = sa.Table(
    "images",
    metadata,
    sa.Column("key", _key, primary_key=True),
    _label("id", unique=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    _label("generation"),
    _label("serial"),
    _label("digest", nullable=True),
    **_options,
)

portals = sa.Table(
    "portals",
    metadata,
    sa.Column("image_key", sa.ForeignKey("images.key"), primary_key=True),
    _label("host", primary_key=True),
    _label("port", primary_key=True),
    _label("iqn"),
    _label("lun"),
    **_options,
)
