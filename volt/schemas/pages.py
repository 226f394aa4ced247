# SPDX-License-Identifier: Apache-2.0
"""Query parameters of long lists: how many entries, and after which."""

from volt.schemas.common import LABEL, PEER_ID, VOLUME_ID, Schema
from volt.schemas.validate import parameters

LARGEST = 1000
"""Entries of one page, also when the caller does not say how many."""

LIMIT: Schema = {
    'type': 'integer',
    'minimum': 1,
    'maximum': LARGEST,
    'default': LARGEST,
}
POSITION: Schema = {'type': 'integer', 'minimum': 0, 'maximum': 2**63 - 1}


def _page(marker: Schema) -> Schema:
    return {'type': 'object', 'properties': {'limit': LIMIT, 'marker': marker}}


BY_HOST = _page(LABEL)
BY_POSITION = _page(POSITION)
BY_VOLUME = _page(VOLUME_ID)
BY_PEER = _page(PEER_ID)

read_by_host = parameters(BY_HOST)
read_by_position = parameters(BY_POSITION)
read_by_volume = parameters(BY_VOLUME)
read_by_peer = parameters(BY_PEER)
