# SPDX-License-Identifier: Apache-2.0
"""The images and the portals of the image servers that serve them."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from volt.model import Address, Image
from volt.registry.models import images, portals


class Images:
    """Images by name; an image without a source does not exist."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def all(self) -> list[Image]:
        """Return every image, in the order of names."""
        query = sa.select(images).order_by(images.c.id)
        return [self._image(row) for row in self._connection.execute(query)]

    def get(self, name: str) -> Image | None:
        """Return the image with its sources."""
        return self._one(sa.select(images).where(images.c.id == name))

    def lock(self, name: str) -> Image | None:
        """Return the image; nobody else changes it until we are done."""
        query = sa.select(images).where(images.c.id == name)
        return self._one(query.with_for_update())

    def put(self, image: Image) -> None:
        """Write the image and exactly these sources."""
        known = self.lock(image.id) is not None
        facts = dataclasses.asdict(image)
        facts.pop('sources')
        self._connection.execute(
            images.update().where(images.c.id == image.id).values(**facts)
            if known
            else images.insert().values(**facts)
        )
        self._drop_sources(image.id)
        for source in image.sources:
            row = dataclasses.asdict(source) | {'image_id': image.id}
            self._connection.execute(portals.insert().values(**row))

    def delete(self, name: str) -> None:
        """Drop the image with all its sources."""
        self._drop_sources(name)
        self._connection.execute(images.delete().where(images.c.id == name))

    def _drop_sources(self, name: str) -> None:
        self._connection.execute(
            portals.delete().where(portals.c.image_id == name)
        )

    def _one(self, query: sa.Select[Any]) -> Image | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else self._image(row)

    def _image(self, row: sa.Row[Any]) -> Image:
        return Image(**row._mapping, sources=self._sources(row.id))

    def _sources(self, name: str) -> tuple[Address, ...]:
        c = portals.c
        query = sa.select(c.host, c.port, c.iqn, c.lun)
        query = query.where(c.image_id == name).order_by(c.host, c.port)
        found = self._connection.execute(query)
        return tuple(Address(**row._mapping) for row in found)
