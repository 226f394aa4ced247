# SPDX-License-Identifier: Apache-2.0
"""The images and the portals of the image servers that serve them."""

import dataclasses
import itertools
from typing import Any

import sqlalchemy as sa

from volt.model import Address, Image
from volt.registry.models import images, portals

_ALL = (
    sa.select(images, *(one for one in portals.c if one.name != 'image_id'))
    .join(portals, portals.c.image_id == images.c.id)
    .order_by(images.c.id, portals.c.host, portals.c.port)
)
_ONE = _ALL.where(images.c.id == sa.bindparam('name'))
_LOCK = _ONE.with_for_update(of=images)


class Images:
    """Images by name; an image without a source does not exist."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def all(self) -> list[Image]:
        """Return every image, in the order of names."""
        return self._fetch(_ALL)

    def get(self, name: str) -> Image | None:
        """Return the image with its sources."""
        return next(iter(self._fetch(_ONE, name=name)), None)

    def lock(self, name: str) -> Image | None:
        """Return the image; nobody else changes it until we are done."""
        return next(iter(self._fetch(_LOCK, name=name)), None)

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

    def _fetch(self, query: sa.Select[Any], **values: str) -> list[Image]:
        found = self._connection.execute(query, values)
        return [
            _image(list(same))
            for _, same in itertools.groupby(found, lambda row: row.id)
        ]


def _image(rows: list[sa.Row[Any]]) -> Image:
    """Return the image that its rows tell about, one row a source."""
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
