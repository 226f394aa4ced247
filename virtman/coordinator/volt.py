# SPDX-License-Identifier: Apache-2.0
"""Calls volt, the coordinator, over its REST API, by voltclient."""

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
        """Make a client of volt.

        :param token: the secret, or a function that returns it.
        :param session: a session of keystoneauth1, in place of the secret.
        :param credentials: keeps the key and the tickets that volt sends.
        """
        from voltclient.v1 import client

        self._endpoint = endpoint
        self._credentials = credentials
        self._answers = volt_answers.Answers()
        self._client = client.Client(endpoint, token=token, session=session)

    def assign(
        self, peer: PeerAddress, failed: Sequence[Source] = ()
    ) -> Assignment:
        """Ask for a place; its parents may still be pending."""
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
        checked = self._answers.assignment(answer)
        self._keep(answer)
        self._keep_tickets(checked)
        return checked.assignment

    def register(self, peer: PeerAddress) -> None:
        """Register a peer, whose target is exported from now on.

        A node for which volt had no place has nothing to register.
        """
        if peer.peer_id is None:
            return
        with self._mapped():
            self._client.volumes.login(
                session_name=peer.image, **_address(peer)
            )

    def leave(self, peer: PeerAddress) -> bool:
        """Give the place of a peer back; return whether volt knew it."""
        if peer.peer_id is None:
            return False
        try:
            with self._mapped():
                self._client.volumes.logout(peer.image, peer_id=peer.peer_id)
        except NotFound:
            return False
        return True

    def beat(self, reports: Sequence[PeerReport]) -> BeatAnswer:
        """Send a beat with this node's peers and their failed sources.

        :returns: the assignments of these peers now, by peer id.
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
        with self._mapped():
            answer = self._client.members.beat(serving, **self._whoami())
        answers = self._answers.assignments(answer.peers)
        self._keep(answer)
        for checked in answers:
            self._keep_tickets(checked)
        assignments = {
            checked.assignment.peer_id: checked.assignment
            for checked in answers
            if checked.assignment.peer_id
        }
        return BeatAnswer(assignments, answer.beat_after)

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

    def publish(self, peer: PeerAddress, facts: ImageFacts) -> None:
        """Register this node as an image server of an image."""
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
        """Send a call that volt answers only to callers that it knows.

        :raises VoltAway: no answer, or volt does not accept the secret.
        """
        with self._mapped():
            self._client.images.list()

    def withdraw(self, peer: PeerAddress) -> None:
        """Take this node's registration back; one that is gone is fine."""
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
        """Return this node's portal and initiator name, as a beat has them."""
        if self._credentials is None:
            return {}
        host, port = self._credentials.own
        return {
            "host": host,
            "port": str(port),
            "initiator": self._initiator,
        }

    def _keep(self, answer: Any) -> None:
        """Keep the key for the readers' tickets, if an answer has it."""
        if self._credentials is None or answer.admission is None:
            return
        self._credentials.keep_key(*volt_answers.admission(answer.admission))

    def _keep_tickets(self, checked: volt_answers.AssignmentAnswer) -> None:
        """Keep the tickets for the sources of an assignment."""
        for named in checked.named:
            if self._credentials is not None and named.ticket is not None:
                self._credentials.keep(
                    named.source, named.ticket, named.server
                )

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


def of(settings: Settings, credentials: Credentials | None = None) -> Volt:
    """Return a client of the volt that the settings name.

    :raises ConfigError: the file of the secret has no secret in it.
    """
    token = None
    if settings.master_token_file:
        # Read with each call, so that the secret can be changed without a
        # restart.
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
    """Return the secret for volt from a file.

    :raises OSError: the file cannot be read.
    :raises ValueError: the file has no secret in it.
    """
    from voltclient.tokens import first_in

    secret = first_in(file.read_text(encoding="ascii"))
    if not secret:
        raise ValueError(f"there is no secret in {file}")
    return secret
