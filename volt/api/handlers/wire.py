# SPDX-License-Identifier: Apache-2.0
"""Turns volt's values into the JSON of the API, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from volt.model import (
    Address,
    Admission,
    Assignment,
    Image,
    Peer,
    Portals,
    Source,
)
from volt.topology.listing import Node, Standing, TreePage

JSON = dict[str, Any]


def peer(peer: Peer) -> JSON:
    """Return the peer object of the original protocol."""
    return _at(peer.address) | {
        "status": peer.status.value,
        "peer_id": peer.peer_id,
    }


def peers(peers: Iterable[Peer]) -> list[JSON]:
    """Return the objects of several peers, in order."""
    return [peer(each) for each in peers]


def node(node: Node) -> JSON:
    """Return the object of a node, with its times rounded."""
    fields = dataclasses.asdict(node)
    return fields | {"age": round(node.age, 3), "due": round(node.due, 3)}


def tree(page: TreePage) -> JSON:
    """Return the object of a tree with a page of its peers."""
    return {
        "id": page.volume.name,
        "count": page.volume.size,
        "fanout": page.volume.fanout,
        "depth": page.depth,
        "peers": [_standing(standing) for standing in page.peers],
    }


def _standing(standing: Standing) -> JSON:
    return peer(standing.peer) | {
        "member": standing.peer.member,
        "position": standing.peer.position,
        "depth": standing.depth,
        "parent": standing.parent,
        "age": None if standing.age is None else round(standing.age, 3),
    }


def source(source: Source) -> JSON:
    """Return the object of a source, with the reader's ticket if any."""
    answer = _at(source.address) | {
        "status": source.status.value,
        "peer_id": source.peer_id,
    }
    ticket = source.ticket
    if ticket is not None:
        answer["ticket"] = {
            "text": ticket.text,
            "user": ticket.user,
            "secret": ticket.secret,
        }
    return answer


def admission(admission: Admission) -> JSON:
    """Return the object of a key for tickets."""
    return {"key": admission.key, "now": admission.now}


def image(image: Image) -> JSON:
    """Return the object of an image with its sources."""
    return {
        "id": image.id,
        "size": image.size,
        "generation": image.generation,
        "serial": image.serial,
        "digest": image.digest,
        "sources": [_at(source) for source in image.sources],
    }


def assignment(assigned: Assignment, stripes: bool) -> JSON:
    """Return an assignment for old clients or, with stripes, for agents."""
    # Old clients recognise "no place" by this list of one null.
    parents = (
        peers(assigned.parents) if assigned.peer_id else [{"peer_id": None}]
    )
    answer: JSON = {"peer_id": assigned.peer_id, "parents": parents}
    if stripes:
        answer["stripes"] = [
            [source(each) for each in stripe] for stripe in assigned.stripes
        ]
        answer["image"] = (
            None if assigned.image is None else image(assigned.image)
        )
    return answer


def address(body: Mapping[str, Any], host: str) -> Address:
    """Return the address in a body, at ``host``."""
    port, iqn, lun = (_text(body.get(key)) for key in ("port", "iqn", "lun"))
    return Address(host, port, iqn, lun)


def portals(listed: Iterable[Mapping[str, str]]) -> Portals:
    """Return the set of portals that a body lists."""
    return frozenset((portal["host"], portal["port"]) for portal in listed)


def _at(address: Address) -> JSON:
    """Return an address's four fields; asdict() takes ten times as long."""
    return {
        "host": address.host,
        "port": address.port,
        "iqn": address.iqn,
        "lun": address.lun,
    }


def _text(value: Any) -> str | None:
    """Return a text, the digits of a whole number, or None for null."""
    # JSON Schema takes 3260.0 for an integer (2020-12, section 4.2.3).
    whole = int(value) if isinstance(value, float) else value
    return None if whole is None else str(whole)
