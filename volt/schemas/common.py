# SPDX-License-Identifier: Apache-2.0
"""The kinds of values that requests are made of.

``description`` goes into the API document, and into the message that tells
a caller what is wrong: "is not ...".
"""

from typing import Any

Schema = dict[str, Any]

_CONTROL = r'\u0000-\u001f\u007f-\u009f\ud800-\udfff'
# SQL servers compare "a" and "a " as equal: no blanks at the ends.
_PRINTABLE = rf'^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$'


def text(longest: int = 255) -> Schema:
    """Return the schema of a printable text that is not empty."""
    return {
        'type': 'string',
        'minLength': 1,
        'maxLength': longest,
        'pattern': _PRINTABLE,
        'description': "printable text without blanks at its ends",
    }


LABEL = text()


def identifier(longest: int) -> Schema:
    """Return the schema of a text that stands in a path.

    Clients take single and double dots out of a path before they send it.
    """
    return text(longest) | {
        'not': {'enum': ['.', '..']},
        'description': "printable text without blanks at its ends, "
        "and other than one dot or two",
    }


VOLUME_ID = identifier(255)
PEER_ID = identifier(511)
"""A host, a colon and a volume id."""
PORT: Schema = {
    'type': 'string',
    'pattern': '^[1-9][0-9]{0,4}$',
    'description': "a TCP port in digits",
}
LUN: Schema = {
    'type': 'string',
    'pattern': '^[0-9]{1,5}$',
    'description': "a LUN in digits",
}

ADDRESS: Schema = {'host': LABEL, 'port': PORT, 'iqn': LABEL, 'lun': LUN}

FAILED: Schema = {
    'type': 'array',
    'maxItems': 32,
    'items': {
        'type': 'object',
        'properties': {'host': LABEL, 'port': PORT},
        'required': ['host', 'port'],
    },
    'description': "Portals at which the node cannot read at present.",
}


def loose(schema: Schema) -> Schema:
    """Return the same for old clients, which send numbers and nulls too."""
    number = {'type': 'integer', 'minimum': 0, 'maximum': 99_999}
    return {
        'anyOf': [schema, number, {'type': 'null'}],
        'description': f"{schema['description']}, a number or null",
    }
