# SPDX-License-Identifier: Apache-2.0
"""The volumes in the registry, a row each, locked by writers of the tree."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from volt.model import Volume
from volt.registry import rows
from volt.registry.models import peers, volumes

_ONE = sa.select(volumes).where(volumes.c.name == sa.bindparam("volume"))
_LOCK = _ONE.with_for_update()


class Volumes:
    """The volumes by name; a volume without peers does not exist."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def all(self) -> list[Volume]:
        """Return every volume, in the order of names."""
        matches = self._connection.execute(
            sa.select(volumes).order_by(volumes.c.name)
        )
        return [rows.volume(row) for row in matches]

    def get(self, name: str) -> Volume | None:
        """Return a volume, not locked, or None."""
        return self._one(_ONE, name)

    def lock(self, name: str) -> Volume | None:
        """Return a volume, locked until the transaction ends, or None."""
        return self._one(_LOCK, name)

    def lock_or_create(self, name: str, fanout: int) -> Volume:
        """Return a volume, locked; a new one keeps ``fanout`` for good."""
        volume = self.lock(name)
        if volume is None:
            self._connection.execute(
                volumes.insert().values(name=name, size=0, fanout=fanout)
            )
            volume = self.lock(name)
        assert volume is not None  # noqa: S101 - inserted a line above
        return volume

    def delete(self, volume: Volume) -> None:
        """Delete a volume with all its peers."""
        for table, key in (
            (peers, peers.c.volume_key),
            (volumes, volumes.c.key),
        ):
            self._connection.execute(table.delete().where(key == volume.key))

    def _one(self, query: sa.Select[Any], name: str) -> Volume | None:
        row = self._connection.execute(query, {"volume": name}).one_or_none()
        return None if row is None else rows.volume(row)
