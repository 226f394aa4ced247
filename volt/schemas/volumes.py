# SPDX-License-Identifier: Apache-2.0
"""Bodies of the volume routes.  Keys nobody knows are ignored."""

from volt.schemas.common import ADDRESS, FAILED, PEER_ID, Schema, loose
from volt.schemas.validate import body

_LOOSE = {name: loose(schema) for name, schema in ADDRESS.items()}

REGISTER: Schema = {'type': 'object', 'properties': _LOOSE}

QUERY: Schema = {
    'type': 'object',
    'properties': {'accept_pending': {'type': 'boolean'}},
    'if': {
        'properties': {'accept_pending': {'const': True}},
        'required': ['accept_pending'],
    },
    # An agent says from where it is going to serve; its host is the
    # address it comes from unless it may say otherwise.
    'then': {
        'properties': ADDRESS | {'failed': FAILED},
        'required': ['port', 'iqn', 'lun'],
    },
    'else': {'properties': _LOOSE | {'peer_id': loose(PEER_ID)}},
}

check_register = body(REGISTER)
check_query = body(QUERY)
