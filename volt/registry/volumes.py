# SPDX-License-Identifier: Apache-2.0
"""The trees, one row each.  Who writes to a tree locks its row first."""

from typing import Any

import sqlalchemy as sa

from volt.model import Volume
from volt.registry import rows
from volt.registry.models import peers, volumes

_ONE = sa.select(volumes).where(volumes.c.name == sa.bindparam("volume"))
_LOCK = _ONE.with_for_update()


class Volumes:
    """Trees by name; a tree without peers does not exist."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def all(self) -> list[Volume]:
        """Return every tree, in the order of names."""
        found = self._connection.execute(
            sa.select(volumes).order_by(volumes.c.name)
        )
        return [rows.volume(row) for row in found]

    def get(self, name: str) -> Volume | None:
        """Return the tree as it stands."""
        return self._one(_ONE, name)

    def lock(self, name: str) -> Volume | None:
        """Return the tree; nobody else changes it until we are done."""
        return self._one(_LOCK, name)

    def lock_or_create(self, name: str, fanout: int) -> Volume:
        """Return the tree, locked; a new one keeps its fan-out for life."""
        found = self.lock(name)
        if found is None:
            self._connection.execute(
                volumes.insert().values(name=name, size=0, fanout=fanout)
            )
            found = self.lock(name)
        assert found is not None  # noqa: S101 - inserted a line above
        return found

    def delete(self, volume: Volume) -> None:
        """Drop the tree with all its peers."""
        for table, key in (
            (peers, peers.c.volume_key),
            (volumes, volumes.c.key),
        ):
            self._connection.execute(table.delete().where(key == volume.key))

    def _one(self, query: sa.Select[Any], name: str) -> Volume | None:
        row = self._connection.execute(query, {"volume": name}).one_or_none()
        return None if row is None else rows.volume(row)
