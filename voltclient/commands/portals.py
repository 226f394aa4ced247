# SPDX-License-Identifier: Apache-2.0
"""The portals of an image's servers, for commands about its tree."""

from __future__ import annotations

import dataclasses

from voltclient.client import Client
from voltclient.commands.values import Lines
from voltclient.exceptions import NotFound
from voltclient.types import Portal


def sources(client: Client, image_id: str) -> list[Portal]:
    """Return the portals of an image; an unregistered one has none."""
    try:
        return client.images.get(image_id).sources
    except NotFound:
        return []


def of(client: Client, image_id: str) -> Lines:
    """Return the portals of an image as a printable field."""
    return lines(sources(client, image_id))


def lines(portals: list[Portal]) -> Lines:
    """Return some portals as a printable field."""
    return Lines([dataclasses.asdict(portal) for portal in portals])
