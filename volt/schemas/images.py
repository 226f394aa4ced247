# SPDX-License-Identifier: Apache-2.0
"""Images: what an image server registers, what it withdraws, what is told."""

from volt.schemas.common import (
    ADDRESS,
    ADMISSION,
    INITIATOR,
    LABEL,
    LUN,
    PORT,
    VOLUME_ID,
    Schema,
    listing,
    or_null,
    record,
)

LARGEST = 2**53
"""Sectors; 4 ZiB, and exact in every JSON reader."""

_SIZE: Schema = {
    'type': 'integer',
    'minimum': 1,
    'maximum': LARGEST,
    'description': "Sectors of 512 bytes.",
}
_DIGEST = or_null(LABEL) | {
    'description': "Of the whole content; null while it is computed."
}

IMAGE: Schema = {
    'type': 'object',
    'properties': ADDRESS
    | {
        'size': _SIZE,
        'generation': LABEL,
        'serial': LABEL,
        'digest': _DIGEST,
        'initiator': INITIATOR,
    },
    'required': ['size', 'generation', 'serial', *ADDRESS],
}
SOURCE: Schema = {
    'type': 'object',
    'properties': {'host': LABEL, 'port': PORT},
    'required': ['host', 'port'],
}

PORTAL = record(host=LABEL, port=PORT, iqn=LABEL, lun=LUN)
TOLD = record(
    id=VOLUME_ID,
    size=_SIZE,
    generation=LABEL,
    serial=LABEL,
    digest=_DIGEST,
    sources=listing(PORTAL),
)
PUT = TOLD | {'properties': TOLD['properties'] | {'admission': ADMISSION}}
ALL_TOLD = listing(TOLD)
