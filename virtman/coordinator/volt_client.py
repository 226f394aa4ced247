# SPDX-License-Identifier: Apache-2.0
"""Calls volt's REST API by voltclient; every answer is checked on its way in.

Nothing is kept here: what volt has told is in the results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from virtman.coordinator import volt_answers
from virtman.coordinator.protocol import VoltAway
from virtman.coordinator.volt_answers import (
    AdmissionKey,
    AssignmentAnswer,
    BeatAnswers,
)
from virtman.exception import NotFound
from virtman.model import ImageFacts, PeerAddress, PeerReport
from virtman.path import Source


class VoltClient:
    """volt at an endpoint, ``http://host:port``.

    Every call raises VoltAway if volt does not answer, or answers with an
    error.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | Callable[[], str] | None = None,
        session: Any = None,
    ) -> None:
        """Make a client of volt.

        :param token: the secret, or a function that returns it.
        :param session: a session of keystoneauth1, in place of the secret.
        """
        from voltclient.v1 import client

        self._endpoint = endpoint
        self._answers = volt_answers.Answers()
        self._client = client.Client(endpoint, token=token, session=session)

    def assign(
        self,
        peer: PeerAddress,
        failed: Sequence[Source],
        initiator: str | None,
    ) -> AssignmentAnswer:
        """Ask for a place; its parents may still be pending.

        :param initiator: the name that this node logs in with.
        """
        with self._mapped():
            answer = self._client.volumes.assign(
                session_name=peer.image,
                host=peer.host,
                port=str(peer.port),
                iqn=peer.iqn,
                lun=str(peer.lun),
                failed=_failed(failed),
                initiator=initiator,
            )
        return self._answers.assignment(answer)

    def register(self, peer: PeerAddress) -> None:
        """Register a peer, whose target is exported from now on."""
        with self._mapped():
            self._client.volumes.login(
                session_name=peer.image, **_address(peer)
            )

    def leave(self, peer: PeerAddress) -> bool:
        """Give the place of a peer back; return whether volt knew it."""
        try:
            with self._mapped():
                self._client.volumes.logout(peer.image, peer_id=peer.peer_id)
        except NotFound:
            return False
        return True

    def beat(
        self,
        reports: Sequence[PeerReport],
        portal: tuple[str, int] | None,
        initiator: str | None,
    ) -> BeatAnswers:
        """Send a beat with this node's peers and their failed sources.

        :param portal: the address and the port of this node's targets, None
            if it takes no tickets.
        :param initiator: the name that this node logs in with.
        """
        from voltclient.types import Serving

        serving = [
            Serving(
                session_name=report.peer.image,
                **_address(report.peer),
                failed=_failed(report.failed),
            )
            for report in reports
            if report.peer.peer_id is not None
        ]
        node: dict[str, Any] = {}
        if portal is not None:
            host, port = portal
            node = {"host": host, "port": str(port), "initiator": initiator}
        with self._mapped():
            answer = self._client.members.beat(serving, **node)
        return self._answers.beat(answer)

    def servers(self, image: str) -> tuple[Source, ...]:
        """Return the registered servers of an image, none if it is unknown."""
        try:
            with self._mapped():
                answer = self._client.images.get(image)
        except NotFound:
            return ()
        return tuple(
            named.source for named in self._answers.sources(answer.sources)
        )

    def publish(
        self, peer: PeerAddress, facts: ImageFacts, initiator: str | None
    ) -> AdmissionKey | None:
        """Register this node as an image server of an image.

        :returns: the key for the readers' tickets, if volt has told it.
        """
        with self._mapped():
            answer = self._client.images.put(
                peer.image,
                size=facts.sectors,
                generation=facts.generation,
                serial=facts.serial,
                digest=facts.digest,
                host=peer.host,
                port=str(peer.port),
                iqn=peer.iqn,
                lun=str(peer.lun),
                initiator=initiator,
            )
        return volt_answers.admission(answer.admission)

    def withdraw(self, peer: PeerAddress) -> None:
        """Take this node's registration back; one that is gone is fine."""
        try:
            with self._mapped():
                self._client.images.delete(
                    peer.image, host=peer.host, port=str(peer.port)
                )
        except NotFound:
            return

    def greet(self) -> None:
        """Send a call that volt answers only to callers that it knows.

        :raises VoltAway: no answer, or volt does not accept the secret.
        """
        with self._mapped():
            self._client.images.list()

    def _mapped(self) -> _Mapped:
        return _Mapped(self._endpoint)


class _Mapped:
    """Turns voltclient's exceptions into virtman's, around a call."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        from voltclient.common import exception

        if isinstance(error, exception.NotFound):
            raise NotFound(self._text(error)) from error
        if isinstance(error, exception.BaseException):
            raise VoltAway(self._text(error)) from error

    def _text(self, error: Exception) -> str:
        """Return the text of an error, with the endpoint of volt in front.

        voltclient names the endpoint itself when volt does not answer.
        """
        text, prefix = str(error), f"volt at {self._endpoint}"
        return text if text.startswith(prefix) else f"{prefix}: {text}"


def _address(peer: PeerAddress) -> dict[str, str]:
    return {
        "peer_id": peer.peer_id or "",
        "host": peer.host,
        "port": str(peer.port),
        "iqn": peer.iqn,
        "lun": str(peer.lun),
    }


def _failed(sources: Sequence[Source]) -> tuple[Any, ...]:
    """Return the portals of failed sources, in the types of voltclient."""
    from voltclient.types import Failed

    return tuple(Failed(source.host, str(source.port)) for source in sources)
