# SPDX-License-Identifier: Apache-2.0
"""The kinds of values that requests are made of."""

from typing import Any

Schema = dict[str, Any]

_UNPRINTABLE = '[\u0000-\u001f\u007f-\u009f\ud800-\udfff]'
# SQL servers compare "a" and "a " as equal: no blanks at the ends.
_OUTER_BLANK = r'^\s|\s$'
# What clients take out of a path before they send it.
_DOTS = r'^\.{1,2}$'


def text(longest: int = 255) -> Schema:
    """Return the schema of a printable text that is not empty."""
    return {
        'type': 'string',
        'minLength': 1,
        'maxLength': longest,
        'allOf': [
            {'not': {'pattern': _UNPRINTABLE}},
            {'not': {'pattern': _OUTER_BLANK}},
        ],
    }


LABEL = text()


def identifier(longest: int) -> Schema:
    """Return the schema of a text that stands in a path."""
    schema = text(longest)
    schema['allOf'].append({'not': {'pattern': _DOTS}})
    return schema


VOLUME_ID = identifier(255)
PEER_ID = identifier(511)
"""A host, a colon and a volume id."""

ADDRESS: Schema = {'host': LABEL, 'port': LABEL, 'iqn': LABEL, 'lun': LABEL}

FAILED: Schema = {
    'type': 'array',
    'maxItems': 32,
    'items': {
        'type': 'object',
        'properties': {'host': LABEL, 'port': LABEL},
        'required': ['host', 'port'],
    },
}
"""Portals at which an agent cannot read at present."""


def loose(schema: Schema) -> Schema:
    """Return the same for old clients, which send numbers and nulls too."""
    return {'anyOf': [schema, {'type': ['integer', 'null']}]}
