# SPDX-License-Identifier: Apache-2.0
"""The domain's values in the form in which they go over the wire."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from volt.model import Address, Assignment, Image, Peer, Portals, Source
from volt.topology.listing import Node, Standing, TreePage

JSON = dict[str, Any]


def peer(peer: Peer) -> JSON:
    """Return the peer object of the original protocol."""
    return _at(peer.address) | {
        "status": peer.status.value,
        "peer_id": peer.peer_id,
    }


def peers(peers: Iterable[Peer]) -> list[JSON]:
    """Return peer objects, in order."""
    return [peer(one) for one in peers]


def node(node: Node) -> JSON:
    """Return a node as it is seen now."""
    told = dataclasses.asdict(node)
    return told | {"age": round(node.age, 3), "due": round(node.due, 3)}


def tree(page: TreePage) -> JSON:
    """Return a tree with a page of its peers."""
    return {
        "id": page.volume.name,
        "count": page.volume.size,
        "fanout": page.volume.fanout,
        "depth": page.depth,
        "peers": [_standing(one) for one in page.peers],
    }


def _standing(one: Standing) -> JSON:
    return peer(one.peer) | {
        "member": one.peer.member,
        "position": one.peer.position,
        "depth": one.depth,
        "parent": one.parent,
        "age": None if one.age is None else round(one.age, 3),
    }


def source(source: Source) -> JSON:
    """Return one place to read from."""
    return _at(source.address) | {
        "status": source.status.value,
        "peer_id": source.peer_id,
    }


def image(image: Image) -> JSON:
    """Return an image with its sources."""
    return {
        "id": image.id,
        "size": image.size,
        "generation": image.generation,
        "serial": image.serial,
        "digest": image.digest,
        "sources": [_at(source) for source in image.sources],
    }


def assignment(told: Assignment, stripes: bool) -> JSON:
    """Return what old clients get or, with stripes, what agents get."""
    # The odd list for "no slot" is what old clients look for.
    parents = peers(told.parents) if told.peer_id else [{"peer_id": None}]
    answer: JSON = {"peer_id": told.peer_id, "parents": parents}
    if stripes:
        answer["stripes"] = [
            [source(one) for one in stripe] for stripe in told.stripes
        ]
        answer["image"] = None if told.image is None else image(told.image)
    return answer


def address(said: Mapping[str, Any], host: str) -> Address:
    """Return the address that a body tells, at ``host``."""
    port, iqn, lun = (_text(said.get(key)) for key in ("port", "iqn", "lun"))
    return Address(host, port, iqn, lun)


def portals(said: Iterable[Mapping[str, str]]) -> Portals:
    """Return the portals that a body lists."""
    return frozenset((one["host"], one["port"]) for one in said)


def _at(address: Address) -> JSON:
    """Return the four parts; asdict() would take ten times as long."""
    return {
        "host": address.host,
        "port": address.port,
        "iqn": address.iqn,
        "lun": address.lun,
    }


def _text(value: Any) -> str | None:
    """Return a text, or the digits of a whole number; None is none."""
    # JSON Schema takes 3260.0 for an integer (2020-12, section 4.2.3).
    whole = int(value) if isinstance(value, float) else value
    return None if whole is None else str(whole)
