# SPDX-License-Identifier: Apache-2.0
"""Totals of the registry, without reading all of it."""

from __future__ import annotations

import sqlalchemy as sa

from volt.model import Volume
from volt.registry import rows
from volt.registry.models import peers, volumes

# One descent of the index for each tree: with max(), some servers would read
# whole trees.
_LAST = (
    sa.select(peers.c.position)
    .where(peers.c.volume_key == volumes.c.key)
    .order_by(peers.c.position.desc())
    .limit(1)
    .scalar_subquery()
)
_LARGEST = sa.select(volumes, _LAST.label("last")).order_by(
    volumes.c.size.desc(), volumes.c.name
)
_VOLUMES = sa.select(
    sa.func.count(), sa.func.coalesce(sa.func.sum(volumes.c.size), 0)
).select_from(volumes)
_REVISION = sa.text("SELECT version_num FROM alembic_version")


class Totals:
    """Reads numbers and sizes of trees."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def volumes(self) -> tuple[int, int]:
        """Return the number of trees and the number of their peers."""
        row = self._connection.execute(_VOLUMES).one()
        return int(row[0]), int(row[1])

    def largest(self, most: int) -> list[tuple[Volume, int]]:
        """Return the largest trees, each with its highest position."""
        trees = self._connection.execute(_LARGEST.limit(most))
        return [(rows.volume(row), row.last or 0) for row in trees]

    def revision(self) -> str:
        """Return the revision of the tables."""
        return str(self._connection.execute(_REVISION).scalar_one())
