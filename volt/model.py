# SPDX-License-Identifier: Apache-2.0
"""The values of volt, such as peers and images, for every layer."""

from __future__ import annotations

import dataclasses
import enum


class Status(enum.StrEnum):
    """The state of a peer; the values are words of the API."""

    PENDING = "pending"
    """A place is kept for the peer; it has not registered yet."""
    OK = "OK"
    """The peer has registered: it serves the image."""


class Opening(enum.IntEnum):
    """The kind of readers that a peer can take as one more child."""

    CLOSED = 0
    """No reader: the peer is full, or has no address yet."""
    PROMISED = 1
    """Agents, which accept a parent that does not serve yet."""
    SERVING = 2
    """Agents and old clients."""


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
        """The portal of the address: host and port."""
        return self.host, self.port

    @property
    def complete(self) -> bool:
        """Whether the address has all that an initiator needs to log in."""
        return bool(self.host and self.port and self.iqn and self.lun)


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """One node in the tree of one volume."""

    volume_id: str
    peer_id: str
    """An opaque id: no code takes it apart."""
    member: str
    """The node that beats for this peer."""
    address: Address
    status: Status
    position: int
    """Its place in the tree, see :mod:`volt.executor.shape`."""

    @property
    def serves(self) -> bool:
        """Whether any node may read from the peer."""
        return self.status is Status.OK and self.address.complete

    @property
    def reachable_soon(self) -> bool:
        """Whether the peer serves, or has announced its address."""
        return self.address.complete


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """A peer's move to another place, whose children it then has."""

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
    """An image as its image servers have registered it."""

    id: str
    size: int
    """In sectors of 512 bytes."""
    generation: str
    serial: str
    digest: str | None
    sources: tuple[Address, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Ticket:
    """A reader's ticket for a source, and the login that it opens."""

    text: str = dataclasses.field(repr=False)
    user: str
    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Admission:
    """The key by which a source checks tickets, in hexadecimal digits.

    ``now`` is volt's time in seconds since the epoch.
    """

    key: str = dataclasses.field(repr=False)
    now: float


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A source of an image; ``peer_id`` is None for an image server."""

    address: Address
    status: Status
    peer_id: str | None
    ticket: Ticket | None = None
    """The reader's ticket; None where the reader has not named itself."""


@dataclasses.dataclass(frozen=True, slots=True)
class Assignment:
    """The place of a peer, and the sources to read from.

    ``peer_id`` is None when no place was free.  ``parents`` is the answer
    for old clients, ``stripes`` (each an ordered list of sources, the best
    first) the one for agents that ask for it.
    """

    peer_id: str | None
    parents: tuple[Peer, ...] = ()
    stripes: tuple[tuple[Source, ...], ...] = ((),)
    image: Image | None = None
