# SPDX-License-Identifier: Apache-2.0
"""Body of a beat: nothing from old clients, what it serves from agents."""

from volt.schemas.common import (
    ADDRESS,
    FAILED,
    LABEL,
    PEER_ID,
    VOLUME_ID,
    Schema,
)
from volt.schemas.validate import body

_SERVING: Schema = {
    'type': 'object',
    'properties': ADDRESS
    | {'session_name': VOLUME_ID, 'peer_id': PEER_ID}
    | {'failed': FAILED},
    'required': ['session_name', 'peer_id', 'host', 'port', 'iqn', 'lun'],
}

HEARTBEAT: Schema = {
    'type': 'object',
    'properties': {
        'host': LABEL,
        'serving': {'type': 'array', 'items': _SERVING},
    },
}

check_heartbeat = body(HEARTBEAT)
