# SPDX-License-Identifier: Apache-2.0
"""Body with which an image server registers what it serves."""

from volt.schemas.common import ADDRESS, LABEL, Schema
from volt.schemas.validate import body

LARGEST = 2**53
"""Sectors; 4 ZiB, and exact in every JSON reader."""

IMAGE: Schema = {
    'type': 'object',
    'properties': ADDRESS
    | {
        'size': {'type': 'integer', 'minimum': 1, 'maximum': LARGEST},
        'generation': LABEL,
        'serial': LABEL,
        'digest': {'anyOf': [LABEL, {'type': 'null'}]},
    },
    'required': ['size', 'generation', 'serial', *ADDRESS],
}

check_image = body(IMAGE)
