# SPDX-License-Identifier: Apache-2.0
"""Registers and withdraws images and the image servers that serve them."""

from __future__ import annotations

import dataclasses
import logging

from volt.exception import ImageMismatch, ImageNotFound
from volt.model import Address, Image
from volt.registry.session import Registry
from volt.registry.unit import Unit

LOG = logging.getLogger(__name__)


class Images:
    """The images, which image servers register and withdraw."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def all(self) -> list[Image]:
        """Return every image, in the order of names."""
        return self._registry.read(lambda unit: unit.images.all())

    def get(self, name: str) -> Image:
        """Return one image, or raise ``ImageNotFound``."""
        return self._registry.read(
            lambda unit: _known(unit.images.get(name), name)
        )

    def put(self, image: Image) -> Image:
        """Register the one source that ``image`` names; return them all.

        A source at the same host and port is replaced.  All others must
        serve the same image, else ``ImageMismatch`` is raised.
        """

        def work(unit: Unit) -> Image:
            registered = unit.images.lock(image.id)
            merged = _merged(image, registered)
            if registered is None:
                unit.images.insert(merged)
            else:
                unit.images.replace(merged)
            return merged

        LOG.info("%s is served at %s", image.id, image.sources)
        return self._registry.write(work)

    def withdraw(self, name: str, host: str, port: str) -> None:
        """Remove one source of an image, and with the last one the image."""

        def work(unit: Unit) -> None:
            image = _known(unit.images.lock(name), name)
            left = _without(image.sources, host, port)
            if len(left) == len(image.sources):
                raise ImageNotFound(f"{name} is not served at {host}:{port}")
            if left:
                unit.images.replace(dataclasses.replace(image, sources=left))
            else:
                unit.images.delete(name)

        self._registry.write(work)


def _merged(new: Image, registered: Image | None) -> Image:
    if registered is None:
        return new
    (mine,) = new.sources
    others = _without(registered.sources, mine.host, mine.port)
    same = (registered.size, registered.serial) == (new.size, new.serial)
    if others and not same:
        raise ImageMismatch(
            f"{new.id} is served by {others[0].host} with {registered.size} "
            f"sectors and serial {registered.serial}; this is another image "
            f"({new.size} sectors, serial {new.serial}): use another name"
        )
    digest = new.digest or (registered.digest if same else None)
    return dataclasses.replace(new, digest=digest, sources=(*others, mine))


def _without(
    sources: tuple[Address, ...], host: str, port: str | None
) -> tuple[Address, ...]:
    return tuple(
        source
        for source in sources
        if (source.host, source.port) != (host, port)
    )


def _known(image: Image | None, name: str) -> Image:
    if image is None:
        raise ImageNotFound(f"no image server serves {name}")
    return image
