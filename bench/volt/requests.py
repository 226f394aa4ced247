# SPDX-License-Identifier: Apache-2.0
"""The requests that are measured, as agents and old clients send them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping

VOLUME = "volume-image1"
IQN = f"iqn.2010-10.org.openstack:{VOLUME}"


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """One request; ``kind`` is the name under which it is counted."""

    kind: str
    method: str
    path: str
    body: Mapping[str, object]

    @property
    def raw(self) -> bytes:
        """The body of the request as it is sent."""
        return json.dumps(self.body).encode()


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request, and the seconds that it took."""

    ask: Ask
    status: int
    body: bytes
    seconds: float

    @property
    def answer(self) -> dict[str, object]:
        """The answer of an agent's request."""
        answer: dict[str, object] = json.loads(self.body)
        return answer


Maker = Callable[[str], Ask]
"""Makes the request of the node of that name."""


def name(position: int) -> str:
    """Return the name of the node at a position of a filled tree."""
    return f"node{position}"


def peer_id(node: str, volume: str = VOLUME) -> str:
    """Return volt's name of a node in the tree."""
    return f"{node}:{volume}"


def address(node: str) -> dict[str, str]:
    """Return the address from which a node serves, in volt's fields."""
    return {"host": node, "port": "3260", "iqn": IQN, "lun": "1"}


def join(node: str, volume: str = VOLUME) -> Ask:
    """Return an agent's request for a place."""
    body = {"accept_pending": True} | address(node)
    return Ask("join", "GET", f"/v1/volumes/query/{volume}", body)


def old_join(node: str) -> Ask:
    """Return an original client's request for a place."""
    path = f"/v1/volumes/query/{VOLUME}"
    return Ask("old join", "GET", path, address(node))


def register(node: str, volume: str = VOLUME) -> Ask:
    """Return the request of a node that serves from now on."""
    path = f"/v1/volumes/{volume}/{peer_id(node, volume)}"
    return Ask("register", "POST", path, address(node))


def beat(node: str) -> Ask:
    """Return the beat of an agent that serves one volume."""
    served = {"session_name": VOLUME, "peer_id": peer_id(node)} | address(node)
    body = {"host": node, "serving": [served]}
    return Ask("beat", "PUT", "/v1/members/heartbeat", body)


def old_beat(node: str) -> Ask:
    """Return the beat of a client of the original protocol."""
    body = {"host": node}
    return Ask("old beat", "PUT", "/v1/members/heartbeat", body)


def leave(node: str) -> Ask:
    """Return the request of a node that leaves."""
    path = f"/v1/volumes/{VOLUME}/{peer_id(node)}"
    return Ask("leave", "DELETE", path, {})


def image(volume: str = VOLUME) -> Ask:
    """Return the request of an image server that registers the image."""
    facts = {"size": 4_194_304, "generation": "g1", "serial": "VMT0123456789"}
    return Ask(
        "image", "PUT", f"/v1/images/{volume}", facts | address("server1")
    )


def page(after: int) -> Ask:
    """Return the request for a page of the tree, from a position on."""
    path = f"/v1/trees/{VOLUME}?limit=1000&marker={after}"
    return Ask("page", "GET", path, {})


DAY: tuple[Maker, ...] = (
    leave,
    join,
    register,
    beat,
    old_beat,
    leave,
    old_join,
    register,
)
"""A node's requests in an order after which all is as it was."""
KINDS = ("join", "old join", "register", "beat", "old beat", "leave")
