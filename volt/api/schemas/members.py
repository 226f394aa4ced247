# SPDX-License-Identifier: Apache-2.0
"""Schemas of members and beats; an agent's beat lists what it serves."""

from __future__ import annotations

from volt.api.schemas.common import (
    ADDRESS,
    ADMISSION,
    FAILED,
    HOST,
    INITIATOR,
    LABEL,
    PEER_ID,
    PORT,
    VOLUME_ID,
    Schema,
    kind,
    listing,
    record,
)
from volt.api.schemas.volumes import ASSIGNMENT

_SERVING: Schema = {
    "type": "object",
    "properties": ADDRESS
    | {"session_name": VOLUME_ID, "peer_id": PEER_ID}
    | {"failed": FAILED},
    "required": ["session_name", "peer_id", "host", "port", "iqn", "lun"],
}

HEARTBEAT: Schema = {
    "type": "object",
    "properties": {
        "host": HOST,
        "port": PORT | {"description": "Where it serves."},
        "initiator": INITIATOR,
        "serving": {"type": "array", "items": _SERVING},
    },
}

_SECONDS = kind("number", "Seconds.", minimum=0)

_ANSWER = record(beat_after=_SECONDS, peers=listing(ASSIGNMENT))
_ANSWER["properties"]["admission"] = ADMISSION
BEAT = {
    "anyOf": [
        listing(ASSIGNMENT)
        | {"description": "For a caller that sent no list of its services."},
        _ANSWER,
    ]
}
MEMBERS = listing(
    record(
        host=LABEL,
        age=_SECONDS | {"description": "Seconds since it was heard of."},
        due=_SECONDS
        | {"description": "Seconds until it is evicted if it stays silent."},
        peers=kind("integer", "Its places in trees.", minimum=0),
    )
)
