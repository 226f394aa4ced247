# SPDX-License-Identifier: Apache-2.0
"""The nouns of volt, as plain values that every layer may pass around."""

import dataclasses
import enum


class Status(enum.StrEnum):
    """What a peer has told about itself; the values go over the wire."""

    PENDING = "pending"
    """A place is kept; nothing is known to be served yet."""
    OK = "OK"
    """The peer registered: it serves the image."""


class Opening(enum.IntEnum):
    """Whom a peer can take as one more child."""

    CLOSED = 0
    """Nobody: it is full, or has no address yet."""
    PROMISED = 1
    """Agents that accept a parent which is still coming up."""
    SERVING = 2
    """Anybody."""


Portal = tuple[str, str | None]
"""A host and a port, where initiators log in."""
Portals = frozenset[Portal]


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """Where an image is served: an iSCSI portal, a target and its LUN."""

    host: str
    port: str | None = None
    iqn: str | None = None
    lun: str | None = None

    @property
    def portal(self) -> Portal:
        """Host and port."""
        return self.host, self.port

    @property
    def complete(self) -> bool:
        """Whether an initiator could log in with it."""
        return bool(self.host and self.port and self.iqn and self.lun)


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """One node in the tree of one volume."""

    volume_id: str
    peer_id: str
    """Opaque to everyone but its maker."""
    member: str
    """The node that beats for this peer."""
    address: Address
    status: Status
    position: int
    """Its place in the tree, see :mod:`volt.executor.shape`."""

    @property
    def serves(self) -> bool:
        """Whether any node may be told to read from it."""
        return self.status is Status.OK and self.address.complete

    @property
    def reachable_soon(self) -> bool:
        """Whether it serves, or has said from where it is going to."""
        return self.address.complete


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """A peer goes to another place; who stands below that place follows."""

    peer: Peer
    position: int


@dataclasses.dataclass(frozen=True, slots=True)
class Volume:
    """One image and the size and shape of its tree."""

    key: int
    name: str
    size: int
    """Number of peers, the hidden root not counted."""
    fanout: int


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """What image servers told about an image."""

    id: str
    size: int
    """In sectors of 512 bytes."""
    generation: str
    serial: str
    digest: str | None
    sources: tuple[Address, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One place to read from; ``peer_id`` is None for an image server."""

    address: Address
    status: Status
    peer_id: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Assignment:
    """What one peer was told: its place and where to read from.

    ``peer_id`` is None when there was no place.  ``parents`` is the answer
    for old clients, ``stripes`` (each an ordered list of sources, the best
    first) the one for agents that ask for it.
    """

    peer_id: str | None
    parents: tuple[Peer, ...] = ()
    stripes: tuple[tuple[Source, ...], ...] = ((),)
    image: Image | None = None
