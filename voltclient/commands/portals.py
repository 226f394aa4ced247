# SPDX-License-Identifier: Apache-2.0
"""Who serves an image, for commands about its tree."""

import dataclasses

from voltclient.client import Client
from voltclient.commands.values import Lines
from voltclient.exceptions import NotFound
from voltclient.types import Portal


def sources(client: Client, image_id: str) -> list[Portal]:
    """Return the image servers; none of an image that nobody registered."""
    try:
        return client.images.get(image_id).sources
    except NotFound:
        return []


def of(client: Client, image_id: str) -> Lines:
    """Return them for a field."""
    return lines(sources(client, image_id))


def lines(portals: list[Portal]) -> Lines:
    """Return portals for a field."""
    return Lines([dataclasses.asdict(one) for one in portals])
