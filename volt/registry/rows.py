# SPDX-License-Identifier: Apache-2.0
"""Rows as values, and values as rows."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from volt.model import Address, Peer, Status, Volume
from volt.registry.models import peers

_ADDRESS = [field.name for field in dataclasses.fields(Address)]


def peer(row: sa.Row[Any], volume_id: str) -> Peer:
    """Return the peer that a row of the table tells about."""
    told = row._mapping
    return Peer(
        volume_id=volume_id,
        peer_id=told['peer_id'],
        member=told['member'],
        address=Address(**{name: told[name] for name in _ADDRESS}),
        status=Status(told['status']),
        position=told['position'],
    )


def volume(row: sa.Row[Any]) -> Volume:
    """Return the tree that a row tells about."""
    return Volume(row.key, row.name, row.size, row.fanout)


def values(peer: Peer) -> dict[str, Any]:
    """Return the columns that a peer decides about itself."""
    return dataclasses.asdict(peer.address) | {
        'peer_id': peer.peer_id,
        'member': peer.member,
        'status': peer.status.value,
        'position': peer.position,
    }


names = ('peer_id', 'member', 'status', 'position', *_ADDRESS)
columns = [peers.c[name] for name in names]
