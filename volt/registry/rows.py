# SPDX-License-Identifier: Apache-2.0
"""Turns rows of the tables into values, and values into rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from volt.model import Address, Peer, Status, Volume
from volt.registry.models import peers

_ADDRESS = [field.name for field in dataclasses.fields(Address)]


def peer(values: Sequence[Any], volume_id: str) -> Peer:
    """Return the peer of a row with the values of ``columns``.

    Values are taken by place, which is faster than by name: a beat makes
    several peers.
    """
    peer_id, member, status, position, host, port, iqn, lun = values
    return Peer(
        volume_id,
        peer_id,
        member,
        Address(host, port, iqn, lun),
        Status.OK if status == Status.OK.value else Status.PENDING,
        position,
    )


def volume(row: sa.Row[Any]) -> Volume:
    """Return the volume of a row."""
    return Volume(row.key, row.name, row.size, row.fanout)


def values(peer: Peer) -> dict[str, Any]:
    """Return the columns of a row that come from the peer's fields."""
    address = peer.address
    return {
        "host": address.host,
        "port": address.port,
        "iqn": address.iqn,
        "lun": address.lun,
        "peer_id": peer.peer_id,
        "member": peer.member,
        "status": peer.status.value,
        "position": peer.position,
    }


names = ("peer_id", "member", "status", "position", *_ADDRESS)
columns = [peers.c[name] for name in names]
WIDTH = len(columns)
