# SPDX-License-Identifier: Apache-2.0
"""Schemas that have a name in the API document and stand there once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volt.api.schemas import images, members, root, trees, volumes
from volt.api.schemas.common import (
    LABEL,
    LUN,
    PEER_ID,
    PORT,
    VOLUME_ID,
    Schema,
)

NAMED: Mapping[str, Schema] = {
    "Label": LABEL,
    "VolumeId": VOLUME_ID,
    "PeerId": PEER_ID,
    "Port": PORT,
    "Lun": LUN,
    "Error": root.ERROR,
    "Peer": volumes.PEER,
    "Source": volumes.SOURCE,
    "Assignment": volumes.ASSIGNMENT,
    "Image": images.TOLD,
    "Tree": trees.TREE,
    "Members": members.MEMBERS,
}


def components() -> dict[str, Any]:
    """Return all named schemas, each with references to the others."""
    names = _names()
    return {
        name: {key: _walk(value, names) for key, value in schema.items()}
        for name, schema in NAMED.items()
    }


def referring(value: Any) -> Any:
    """Return a value with references in the place of named schemas."""
    return _walk(value, _names())


def _names() -> dict[int, str]:
    return {id(schema): name for name, schema in NAMED.items()}


def _walk(value: Any, names: Mapping[int, str]) -> Any:
    if isinstance(value, list):
        return [_walk(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    if id(value) in names:
        return {"$ref": f"#/components/schemas/{names[id(value)]}"}
    return {key: _walk(item, names) for key, item in value.items()}
