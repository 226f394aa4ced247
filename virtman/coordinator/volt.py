# SPDX-License-Identifier: Apache-2.0
"""The coordinator behind a master's REST API, through voltclient."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from virtman.admission.credentials import Credentials
from virtman.conf import Settings
from virtman.coordinator import volt_answers
from virtman.coordinator.protocol import VoltAway
from virtman.exception import ConfigError, NotFound
from virtman.model import (
    Assignment,
    BeatAnswer,
    ImageFacts,
    PeerAddress,
    PeerReport,
)
from virtman.path import Source


class Volt:
    """volt at an endpoint, ``http://host:port``."""

    gives_places = True

    def __init__(
        self,
        endpoint: str,
        token: str | Callable[[], str] | None = None,
        session: Any = None,
        credentials: Credentials | None = None,
    ) -> None:
        """``token`` may be a function; ``session`` is keystoneauth1's.

        :param credentials: keeps how to be admitted, and whom to admit.
        """
        from voltclient.v1 import client

        self._endpoint = endpoint
        self._credentials = credentials
        self._answers = volt_answers.Answers()
        self._client = client.Client(endpoint, token=token, session=session)

    def assign(
        self, peer: PeerAddress, failed: Sequence[Source] = ()
    ) -> Assignment:
        """Ask for a place, accepting a parent that is still on its way."""
        with self._mapped():
            answer = self._client.volumes.assign(
                session_name=peer.image,
                host=peer.host,
                port=str(peer.port),
                iqn=peer.iqn,
                lun=str(peer.lun),
                failed=_failed(failed),
                initiator=self._initiator,
            )
        got = self._answers.assignment(answer)
        self._keep(answer)
        self._keep_tickets(got)
        return got.assignment

    def register(self, peer: PeerAddress) -> None:
        """Say that the target of this peer is exported.

        A node that volt had no place for has nothing to register.
        """
        if peer.peer_id is None:
            return
        with self._mapped():
            self._client.volumes.login(
                session_name=peer.image, **_address(peer)
            )

    def leave(self, peer: PeerAddress) -> bool:
        """Give the place back."""
        if peer.peer_id is None:
            return False
        try:
            with self._mapped():
                self._client.volumes.logout(peer.image, peer_id=peer.peer_id)
        except NotFound:
            return False
        return True

    def beat(self, reports: Sequence[PeerReport]) -> BeatAnswer:
        """Send a heartbeat: what this node serves, what it cannot read."""
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
        with self._mapped():
            answer = self._client.members.beat(serving, **self._whoami())
        answers = self._answers.assignments(answer.peers)
        self._keep(answer)
        for got in answers:
            self._keep_tickets(got)
        peers = (got.assignment for got in answers)
        told = {peer.peer_id: peer for peer in peers if peer.peer_id}
        return BeatAnswer(told, answer.beat_after)

    def servers(self, image: str) -> tuple[Source, ...]:
        """Ask who has registered as a server of the image."""
        try:
            with self._mapped():
                found = self._client.images.get(image)
        except NotFound:
            return ()
        return tuple(
            one.source for one in self._answers.sources(found.sources)
        )

    def publish(self, peer: PeerAddress, facts: ImageFacts) -> None:
        """Register this node as a source of the image."""
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
                initiator=self._initiator,
            )
        self._keep(answer)

    def greet(self) -> None:
        """Ask something that only those may ask whom volt knows.

        :raises VoltAway: no answer, or it does not know us.
        """
        with self._mapped():
            self._client.images.list()

    def withdraw(self, peer: PeerAddress) -> None:
        """Take the registration back; unknown is fine."""
        try:
            with self._mapped():
                self._client.images.delete(
                    peer.image, host=peer.host, port=str(peer.port)
                )
        except NotFound:
            return

    @property
    def _initiator(self) -> str | None:
        return self._credentials.initiator if self._credentials else None

    def _whoami(self) -> dict[str, Any]:
        """Return what a beat says of this node as a source and a reader."""
        if self._credentials is None:
            return {}
        host, port = self._credentials.own
        return {
            "host": host,
            "port": str(port),
            "initiator": self._initiator,
        }

    def _keep(self, answer: Any) -> None:
        """Keep what volt tells of how to know the readers' tickets."""
        told = answer.admission if self._credentials else None
        if self._credentials is None or told is None:
            return
        self._credentials.keep_key(*volt_answers.admission(told))

    def _keep_tickets(self, got: volt_answers.AssignmentAnswer) -> None:
        """Keep the tickets for the sources of an assignment."""
        for one in got.named:
            if self._credentials is not None and one.ticket is not None:
                self._credentials.keep(one.source, one.ticket, one.server)

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
            raise NotFound(self._told(error)) from error
        if isinstance(error, exception.BaseException):
            raise VoltAway(self._told(error)) from error

    def _told(self, error: Exception) -> str:
        """Name volt, which one that did not answer is named with already."""
        text, who = str(error), f"volt at {self._endpoint}"
        return text if text.startswith(who) else f"{who}: {text}"


def _address(peer: PeerAddress) -> dict[str, str]:
    return {
        "peer_id": peer.peer_id or "",
        "host": peer.host,
        "port": str(peer.port),
        "iqn": peer.iqn,
        "lun": str(peer.lun),
    }


def _failed(sources: Sequence[Source]) -> tuple[Any, ...]:
    """Return the portals of these sources as volt is told them."""
    from voltclient.types import Failed

    return tuple(Failed(one.host, str(one.port)) for one in sources)


def of(settings: Settings, credentials: Credentials | None = None) -> Volt:
    """Return the volt that the settings name.

    :raises ConfigError: the file for its secret holds none.
    """
    token = None
    if settings.master_token_file:
        # With each call, so that a secret may be exchanged meanwhile.
        token = functools.partial(secret_in, settings.master_token_file)
        try:
            token()
        except (OSError, ValueError) as error:
            raise ConfigError(f"master_token_file: {error}") from error
    host = settings.master_ip or ""
    host = f"[{host}]" if ":" in host else host
    return Volt(
        f"http://{host}:{settings.master_port}",
        token,
        settings.master_session,
        credentials,
    )


def secret_in(file: Path) -> str:
    """Return the secret that a file holds for us.

    :raises OSError: it cannot be read.  :raises ValueError: there is none.
    """
    from voltclient.tokens import first_in

    secret = first_in(file.read_text(encoding="ascii"))
    if not secret:
        raise ValueError(f"there is no secret in {file}")
    return secret
