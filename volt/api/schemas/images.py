# SPDX-License-Identifier: Apache-2.0
"""Schemas of images: registration, withdrawal, answers."""

from __future__ import annotations

from volt.api.schemas.common import (
    ADDRESS,
    ADMISSION,
    INITIATOR,
    LABEL,
    TOLD_ADDRESS,
    VOLUME_ID,
    Schema,
    listing,
    or_null,
    record,
)

LARGEST = 2**53
"""Sectors; 4 ZiB, and exact in every JSON reader."""

_SIZE: Schema = {
    "type": "integer",
    "minimum": 1,
    "maximum": LARGEST,
    "description": "Sectors of 512 bytes.",
}
# Agents hand both to tools that run as root.  tgt keeps 36 characters of a
# serial number, and a comma begins its next parameter.
_GENERATION: Schema = {
    "type": "string",
    "maxLength": 255,
    "pattern": "^[!-~]([ -~]*[!-~])?$",
    "title": "printable ASCII",
}
_SERIAL: Schema = {
    "type": "string",
    "maxLength": 36,
    "pattern": r"^[!-+\--~]([ -+\--~]*[!-+\--~])?$",
    "title": "printable ASCII without commas",
}
_NEW_DIGEST: Schema = {
    "type": ["string", "null"],
    "pattern": "^[a-z0-9]{1,16}:[0-9a-f]{1,128}$",
    "title": "an algorithm, a colon and hexadecimal digits",
}
_DIGEST = or_null(LABEL) | {
    "description": "Of the whole content; null while it is computed."
}

IMAGE: Schema = {
    "type": "object",
    "properties": ADDRESS
    | {
        "size": _SIZE,
        "generation": _GENERATION,
        "serial": _SERIAL,
        "digest": _NEW_DIGEST | {"description": _DIGEST["description"]},
        "initiator": INITIATOR,
    },
    "required": ["size", "generation", "serial", *ADDRESS],
}
SOURCE: Schema = {
    "type": "object",
    "properties": {
        "host": TOLD_ADDRESS["host"],
        "port": TOLD_ADDRESS["port"],
    },
    "required": ["host", "port"],
}

PORTAL = record(**TOLD_ADDRESS)
TOLD = record(
    id=VOLUME_ID,
    size=_SIZE,
    generation=LABEL,
    serial=LABEL,
    digest=_DIGEST,
    sources=listing(PORTAL),
)
PUT = TOLD | {"properties": TOLD["properties"] | {"admission": ADMISSION}}
ALL_TOLD = listing(TOLD)
