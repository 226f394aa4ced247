# SPDX-License-Identifier: Apache-2.0
"""What the agent says to volt and hears from it, through voltclient.

A :class:`Coordinator` that has no master configured answers as an empty
tree would: read from the image server you were told about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from virtman.exception import NotFound, VirtmanError
from virtman.path import Source


class VoltAway(VirtmanError):
    """volt does not answer, or answers that it cannot."""


@dataclass(frozen=True)
class Seat:
    """A node's place in the tree of an image: what it serves, and as whom."""

    image: str
    host: str
    port: int
    iqn: str
    lun: int
    peer_id: str | None = None


@dataclass(frozen=True)
class ImageFacts:
    """What an image server told volt of its image."""

    sectors: int
    generation: str
    serial: str


@dataclass(frozen=True)
class Assignment:
    """Where a node is to read an image from.

    ``stripes`` is a list of ordered lists of sources; one stripe today, and
    the sources of the first are what :attr:`sources` gives.
    """

    peer_id: str | None
    stripes: tuple[tuple[Source, ...], ...]
    image: ImageFacts | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one stripe's sources, best first; empty: use your own."""
        return self.stripes[0] if self.stripes else ()


class Coordinator(Protocol):
    """The verbs the agent needs."""

    gives_places: bool

    def assign(self, seat: Seat) -> Assignment:
        """Ask for a place; :raises VoltAway: no answer."""

    def register(self, seat: Seat) -> None:
        """Say that the target of this seat is exported."""

    def leave(self, seat: Seat) -> bool:
        """Give the place back; return whether volt knew it."""

    def beat(self, seats: Sequence[Seat]) -> dict[str, Assignment]:
        """Say what is served; return the parents now, by peer id."""

    def publish(self, seat: Seat, facts: ImageFacts) -> None:
        """Say that this node serves an image itself."""

    def withdraw(self, seat: Seat) -> None:
        """Say that it does no longer."""


class Alone:
    """The coordinator of a node without a master: nobody."""

    gives_places = False

    def assign(self, seat: Seat) -> Assignment:
        """Answer that there are no parents."""
        return Assignment(None, ())

    def register(self, seat: Seat) -> None:
        """Tell nobody."""

    def leave(self, seat: Seat) -> bool:
        """Tell nobody."""
        return False

    def beat(self, seats: Sequence[Seat]) -> dict[str, Assignment]:
        """Tell nobody, hear nothing."""
        return {}

    def publish(self, seat: Seat, facts: ImageFacts) -> None:
        """Tell nobody."""

    def withdraw(self, seat: Seat) -> None:
        """Tell nobody."""


class Volt:
    """The coordinator behind a master's REST API."""

    gives_places = True

    def __init__(self, endpoint: str, token: str | None = None) -> None:
        from voltclient.v1 import client

        self._endpoint = endpoint
        self._client = client.Client(endpoint, token=token)

    def assign(self, seat: Seat) -> Assignment:
        """Ask for a place, accepting a parent that is still on its way."""
        with self._mapped():
            answer = self._client.volumes.assign(
                session_name=seat.image,
                host=seat.host,
                port=str(seat.port),
                iqn=seat.iqn,
                lun=str(seat.lun),
            )
        return _assignment(answer)

    def register(self, seat: Seat) -> None:
        """Say that the target of this seat is exported.

        A node that volt had no place for has nothing to register.
        """
        if seat.peer_id is None:
            return
        with self._mapped():
            self._client.volumes.login(
                session_name=seat.image, **_address(seat)
            )

    def leave(self, seat: Seat) -> bool:
        """Give the place back."""
        if seat.peer_id is None:
            return False
        try:
            with self._mapped():
                self._client.volumes.logout(seat.image, peer_id=seat.peer_id)
        except NotFound:
            return False
        return True

    def beat(self, seats: Sequence[Seat]) -> dict[str, Assignment]:
        """Send a heartbeat that carries what this node serves."""
        serving = [
            {"session_name": seat.image, **_address(seat)}
            for seat in seats
            if seat.peer_id is not None
        ]
        with self._mapped():
            answers = self._client.members.beat(serving).peers
        return {
            answer.peer_id: _assignment(answer)
            for answer in answers
            if answer.peer_id
        }

    def publish(self, seat: Seat, facts: ImageFacts) -> None:
        """Register this node as a source of the image."""
        with self._mapped():
            self._client.images.put(
                seat.image,
                size=facts.sectors,
                generation=facts.generation,
                serial=facts.serial,
                host=seat.host,
                port=str(seat.port),
                iqn=seat.iqn,
                lun=str(seat.lun),
            )

    def withdraw(self, seat: Seat) -> None:
        """Take the registration back; unknown is fine."""
        try:
            with self._mapped():
                self._client.images.delete(
                    seat.image, host=seat.host, port=str(seat.port)
                )
        except NotFound:
            return

    def _mapped(self) -> _Mapped:
        return _Mapped(self._endpoint)


class _Mapped:
    """Turns voltclient's exceptions into ours on the way out."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        from voltclient.common import exception

        if isinstance(error, exception.NotFound):
            raise NotFound(f"volt at {self._endpoint}: {error}") from error
        if isinstance(error, exception.BaseException):
            raise VoltAway(f"volt at {self._endpoint}: {error}") from error


def _address(seat: Seat) -> dict[str, str]:
    return {
        "peer_id": seat.peer_id or "",
        "host": seat.host,
        "port": str(seat.port),
        "iqn": seat.iqn,
        "lun": str(seat.lun),
    }


def _assignment(answer: Any) -> Assignment:
    image = answer.image
    facts = (
        ImageFacts(image.size, image.generation, image.serial)
        if image is not None
        else None
    )
    stripes = tuple(
        tuple(_source(item) for item in stripe) for stripe in answer.stripes
    )
    return Assignment(answer.peer_id, stripes, facts)


def _source(item: Any) -> Source:
    try:
        return Source(item.host, int(item.port), item.iqn, int(item.lun))
    except (TypeError, ValueError) as error:
        raise VoltAway(
            f"volt named a source that makes no sense: {item}"
        ) from error
