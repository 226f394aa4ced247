# SPDX-License-Identifier: Apache-2.0
"""Schemas of the query parameters of long lists: limit and marker."""

from __future__ import annotations

from volt.api.schemas.common import LABEL, PEER_ID, VOLUME_ID, Schema

LARGEST = 1000
"""Most entries of one page, and their number when a caller names none."""

_LIMIT: Schema = {
    "type": "integer",
    "minimum": 1,
    "maximum": LARGEST,
    "description": "Most entries of the answer.  "
    "With neither limit nor marker it has them all.",
}
_LIMITED = _LIMIT | {
    "default": LARGEST,
    "description": "Most entries of the answer.",
}
_POSITION: Schema = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


def _page(limit: Schema, marker: Schema, after: str) -> Schema:
    marker = marker | {"description": f"The {after} after which to begin."}
    return {"type": "object", "properties": {"limit": limit, "marker": marker}}


BY_HOST = _page(_LIMITED, LABEL, "host")
BY_POSITION = _page(_LIMITED, _POSITION, "position")
BY_VOLUME = _page(_LIMIT, VOLUME_ID, "volume id")
BY_PEER = _page(_LIMIT, PEER_ID, "peer id")
