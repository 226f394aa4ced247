# SPDX-License-Identifier: Apache-2.0
"""The coordinator volt: its calls, and the tickets that come with answers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from virtman.admission.credentials import Credentials
from virtman.conf.coordinator import CoordinatorSettings
from virtman.coordinator.volt_answers import AdmissionKey, AssignmentAnswer
from virtman.coordinator.volt_client import VoltClient
from virtman.exception import ConfigError
from virtman.model import (
    Assignment,
    BeatAnswer,
    ImageFacts,
    PeerAddress,
    PeerReport,
)
from virtman.path import Source
from vmthunder.addresses import host_port


class Volt:
    """The coordinator of a node that has a volt.

    The key and the tickets in volt's answers are kept in the credentials.
    """

    gives_places = True

    def __init__(
        self,
        endpoint: str,
        token: str | Callable[[], str] | None = None,
        session: Any = None,
        credentials: Credentials | None = None,
    ) -> None:
        """Make a coordinator of volt's endpoint.

        :param token: the secret, or a function that returns it.
        :param session: a session of keystoneauth1, in place of the secret.
        :param credentials: keeps the key and the tickets that volt sends.
        """
        self._client = VoltClient(endpoint, token, session)
        self._credentials = credentials

    def assign(
        self, peer: PeerAddress, failed: Sequence[Source] = ()
    ) -> Assignment:
        """Ask for a place; its parents may still be pending."""
        answer = self._client.assign(peer, failed, self._initiator)
        self._keep_key(answer.key)
        self._keep_tickets(answer)
        return answer.assignment

    def register(self, peer: PeerAddress) -> None:
        """Register a peer, whose target is exported from now on.

        A node for which volt had no place has nothing to register.
        """
        if peer.peer_id is not None:
            self._client.register(peer)

    def leave(self, peer: PeerAddress) -> bool:
        """Give the place of a peer back; return whether volt knew it."""
        return peer.peer_id is not None and self._client.leave(peer)

    def beat(self, reports: Sequence[PeerReport]) -> BeatAnswer:
        """Send a beat with this node's peers and their failed sources.

        :returns: the assignments of these peers now, by peer id.
        """
        portal = self._credentials.own if self._credentials else None
        answer = self._client.beat(reports, portal, self._initiator)
        self._keep_key(answer.key)
        for place in answer.places:
            self._keep_tickets(place)
        assignments = {
            place.assignment.peer_id: place.assignment
            for place in answer.places
            if place.assignment.peer_id
        }
        return BeatAnswer(assignments, answer.beat_after)

    def servers(self, image: str) -> tuple[Source, ...]:
        """Return the registered servers of an image, none if it is unknown."""
        return self._client.servers(image)

    def publish(self, peer: PeerAddress, facts: ImageFacts) -> None:
        """Register this node as an image server of an image."""
        self._keep_key(self._client.publish(peer, facts, self._initiator))

    def withdraw(self, peer: PeerAddress) -> None:
        """Take this node's registration back; one that is gone is fine."""
        self._client.withdraw(peer)

    def greet(self) -> None:
        """Send a call that volt answers only to callers that it knows.

        :raises VoltAway: no answer, or volt does not accept the secret.
        """
        self._client.greet()

    @property
    def _initiator(self) -> str | None:
        return self._credentials.initiator if self._credentials else None

    def _keep_key(self, key: AdmissionKey | None) -> None:
        """Keep the key for the readers' tickets, if an answer has it."""
        if self._credentials is not None and key is not None:
            self._credentials.keep_key(key.key, key.now)

    def _keep_tickets(self, answer: AssignmentAnswer) -> None:
        """Keep the tickets for the sources of an assignment."""
        for named in answer.named:
            if self._credentials is not None and named.ticket is not None:
                self._credentials.keep(
                    named.source, named.ticket, named.server
                )


def of(
    settings: CoordinatorSettings, credentials: Credentials | None = None
) -> Volt:
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
    address = host_port(settings.master_ip or "", settings.master_port)
    return Volt(
        f"http://{address}",
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
        raise ValueError(f"{file} has no secret; write one into it")
    return secret
