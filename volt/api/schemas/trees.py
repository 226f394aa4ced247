# SPDX-License-Identifier: Apache-2.0
"""Schemas of trees: the position of each peer."""

from __future__ import annotations

from volt.api.schemas.common import (
    LABEL,
    PEER_ID,
    VOLUME_ID,
    kind,
    listing,
    or_null,
    record,
)
from volt.api.schemas.volumes import PEER

_STANDING = record(
    **PEER["properties"],
    member=LABEL | {"description": "The node that beats for the peer."},
    position=kind("integer", "Its place, level by level.", minimum=1),
    depth=kind("integer", "Its level; 1 is below the image servers."),
    parent=or_null(PEER_ID)
    | {"description": "The tree parent; null below the image servers."},
    age=or_null(kind("number", "Seconds since the node was heard of.")),
)

TREE = record(
    id=VOLUME_ID,
    count=kind("integer", "Number of peers of the whole tree.", minimum=1),
    fanout=kind("integer", "Children of a place.", minimum=1),
    depth=kind("integer", "Levels of the whole tree.", minimum=1),
    peers=listing(_STANDING),
)
