# SPDX-License-Identifier: Apache-2.0
"""How much the registry holds, without reading it all."""

import sqlalchemy as sa

from volt.model import Volume
from volt.registry import rows
from volt.registry.models import peers, volumes

# One descent for each tree: max() in its place would read them whole on
# some servers.
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
    """Counts and sizes."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def volumes(self) -> tuple[int, int]:
        """Return the number of trees and that of their peers."""
        row = self._connection.execute(_VOLUMES).one()
        return int(row[0]), int(row[1])

    def largest(self, most: int) -> list[tuple[Volume, int]]:
        """Return the largest trees, each with its highest position."""
        found = self._connection.execute(_LARGEST.limit(most))
        return [(rows.volume(row), row.last or 0) for row in found]

    def revision(self) -> str:
        """Return the revision of the tables."""
        return str(self._connection.execute(_REVISION).scalar_one())
