# SPDX-License-Identifier: Apache-2.0
"""The images in the registry, and the portals that serve them."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import sqlalchemy as sa

from volt.model import Address, Image
from volt.registry.models import images, portals

_ALL = (
    sa.select(images, *(col for col in portals.c if col.name != "image_key"))
    .join(portals, portals.c.image_key == images.c.key)
    .order_by(images.c.id, portals.c.host, portals.c.port)
)
_ONE = _ALL.where(images.c.id == sa.bindparam("name"))
_LOCK = (
    sa.select(images.c.key)
    .where(images.c.id == sa.bindparam("name"))
    .with_for_update()
)


class Images:
    """Images by name; an image without a source does not exist."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def all(self) -> list[Image]:
        """Return every image, in the order of names."""
        return self._fetch(_ALL)

    def get(self, name: str) -> Image | None:
        """Return an image with its sources, None for an unknown name."""
        return next(iter(self._fetch(_ONE, name=name)), None)

    def lock(self, name: str) -> Image | None:
        """Return an image, locked until the transaction ends, or None."""
        # The sources are read after the lock: read in the same statement,
        # they would be as old as the start of the wait for the lock.
        return None if self._lock(name) is None else self.get(name)

    def insert(self, image: Image) -> None:
        """Insert an image that did not exist when it was to be locked.

        If another transaction has inserted it since, that is a lost race, and
        not a row whose sources may be replaced.
        """
        self._insert_sources(self._insert(_facts(image)), image)

    def replace(self, image: Image) -> None:
        """Replace a locked image and its sources."""
        key = self._lock(image.id)
        assert key is not None  # noqa: S101 - the caller has locked it
        self._execute(
            images.update().where(images.c.key == key).values(**_facts(image))
        )
        self._drop_sources(key)
        self._insert_sources(key, image)

    def delete(self, name: str) -> None:
        """Delete an image with all its sources."""
        key = self._lock(name)
        if key is not None:
            self._drop_sources(key)
            self._execute(images.delete().where(images.c.key == key))

    def _lock(self, name: str) -> int | None:
        row = self._connection.execute(_LOCK, {"name": name})
        return row.scalar_one_or_none()

    def _insert(self, facts: dict[str, Any]) -> int:
        done = self._execute(images.insert().values(**facts))
        assert done.inserted_primary_key  # noqa: S101 - it has been inserted
        key: int = done.inserted_primary_key[0]
        return key

    def _insert_sources(self, key: int, image: Image) -> None:
        for source in image.sources:
            row = dataclasses.asdict(source) | {"image_key": key}
            self._execute(portals.insert().values(**row))

    def _drop_sources(self, key: int) -> None:
        self._execute(portals.delete().where(portals.c.image_key == key))

    def _execute(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        return self._connection.execute(statement)

    def _fetch(self, query: sa.Select[Any], **values: str) -> list[Image]:
        rows = self._connection.execute(query, values)
        return [
            _image(list(same))
            for _, same in itertools.groupby(rows, lambda row: row.id)
        ]


def _facts(image: Image) -> dict[str, Any]:
    facts = dataclasses.asdict(image)
    facts.pop("sources")
    return facts


def _image(rows: list[sa.Row[Any]]) -> Image:
    """Return the image of some rows, one row a source."""
    sources = tuple(
        Address(row.host, row.port, row.iqn, row.lun) for row in rows
    )
    first = rows[0]
    return Image(
        first.id,
        first.size,
        first.generation,
        first.serial,
        first.digest,
        sources,
    )
