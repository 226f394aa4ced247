# SPDX-License-Identifier: Apache-2.0
"""Schemas of volumes and their peers: queries, registrations, answers.

Unknown keys are ignored, in the bodies of agents too: a newer agent may send
more than this volt knows.
"""

from __future__ import annotations

from volt.api.schemas.common import (
    ADDRESS,
    ADMISSION,
    FAILED,
    INITIATOR,
    PEER_ID,
    TICKET,
    TOLD_ADDRESS,
    VOLUME_ID,
    Schema,
    kind,
    listing,
    loose,
    or_null,
    record,
)
from volt.api.schemas.images import TOLD

_LOOSE = {name: loose(schema) for name, schema in ADDRESS.items()}

REGISTER: Schema = {"type": "object", "properties": _LOOSE}

QUERY: Schema = {
    "type": "object",
    "properties": {
        "accept_pending": kind(
            "boolean", "Whether the caller is an agent, which can wait."
        )
    },
    "if": {
        "properties": {"accept_pending": {"const": True}},
        "required": ["accept_pending"],
    },
    # An agent says from where it is going to serve; its host is the
    # address it comes from unless it may say otherwise.
    "then": {
        "properties": ADDRESS | {"failed": FAILED, "initiator": INITIATOR},
        "required": ["port", "iqn", "lun"],
    },
    "else": {"properties": _LOOSE | {"peer_id": loose(PEER_ID)}},
}

DROP: Schema = {
    "type": "object",
    "properties": {
        "force": kind(
            "boolean", "Even while peers serve the volume.", default=False
        )
    },
}

STATUS = kind(
    "string",
    "pending: a place is kept; OK: the peer serves the image.",
    enum=["pending", "OK"],
)
PEER = record(
    host=TOLD_ADDRESS["host"],
    port=or_null(TOLD_ADDRESS["port"]),
    iqn=or_null(TOLD_ADDRESS["iqn"]),
    lun=or_null(TOLD_ADDRESS["lun"]),
    status=STATUS,
    peer_id=PEER_ID,
)
PEERS = listing(PEER)
VOLUMES = listing(
    record(id=VOLUME_ID, count=kind("integer", "Number of peers.", minimum=1))
)

SOURCE = record(
    **TOLD_ADDRESS,
    status=STATUS,
    peer_id=or_null(PEER_ID) | {"description": "Null: an image server."},
)
SOURCE["properties"]["ticket"] = TICKET
NOBODY = record(peer_id=kind("null", "There is no place now: ask again."))
ASSIGNMENT = record(
    peer_id=or_null(PEER_ID) | {"description": "Null: no place now."},
    parents=listing({"anyOf": [PEER, NOBODY]}),
)
ASSIGNMENT["properties"] |= {
    "stripes": listing(listing(SOURCE))
    | {"description": "For agents: lists of sources, the best first."},
    "image": {
        "anyOf": [TOLD, kind("null", "No image server has registered it.")]
    },
    "beat_after": kind("number", "Seconds until the first beat.", minimum=0),
    "admission": ADMISSION,
}
