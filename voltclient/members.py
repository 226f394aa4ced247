# SPDX-License-Identifier: Apache-2.0
"""Calls about members: the nodes, and their beats."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from voltclient import paging
from voltclient.http import HTTPClient
from voltclient.types import Beat, Serving, parsed, pick
from voltclient.volumes import volumes_of

Served = Serving | Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A node as volt knows it.

    ``age`` is the seconds since it was heard last, ``due`` those until it
    is evicted if nothing more is heard, ``peers`` the number of its places
    in trees.
    """

    host: str
    age: float
    due: float
    peers: int


Members = list[Member]
BeatAnswers = list[dict[str, Any]]


class MemberManager:
    """Calls about nodes."""

    def __init__(self, http_client: HTTPClient) -> None:
        self._http = http_client

    def list(self) -> Members:
        """Return all nodes, ordered by host."""
        return list(self.iterate())

    def iterate(self, page_size: int = paging.SIZE) -> Iterator[Member]:
        """Yield all nodes, ordered by host, fetched a page at a time."""
        return paging.iterate(
            functools.partial(self.page, page_size), lambda member: member.host
        )

    def page(self, limit: int, marker: str | None = None) -> Members:
        """Return up to ``limit`` nodes, those after the host ``marker``."""
        query = paging.parameters(limit, marker)
        answer = self._http.call("GET", "members", query=query)
        return parsed(
            lambda answer: [pick(Member, member) for member in answer], answer
        )

    def heartbeat(
        self,
        serving: Iterable[Served] | None = None,
        host: str | None = None,
    ) -> BeatAnswers:
        """Beat; return ``{'peer_id': …, 'parents': [Volume, …]}`` by peer.

        With ``serving`` (see :meth:`beat`) the dicts have ``stripes`` and
        ``image``, too, as volt sent them.
        """
        return parsed(_with_volumes, self._beat(serving, host=host))

    def beat(
        self,
        serving: Iterable[Served],
        host: str | None = None,
        port: str | None = None,
        initiator: str | None = None,
    ) -> Beat:
        """Beat, and say what this node serves and cannot read.

        The answer has the assignments of this node's peers and when to
        beat next.  What volt does not know it registers again.
        Reservations that are not served yet are in the answer, too.
        ``host`` is the name under which this node asked for its places,
        when that is not the address its calls come from; volt believes it
        only with a token.  With the ``port`` at which it serves a node is
        told how to know its readers' tickets, with the iSCSI name of its
        ``initiator`` it gets tickets of its own.
        """
        answer = self._beat(serving, host=host, port=port, initiator=initiator)
        return parsed(Beat.parse, answer)

    def _beat(
        self, serving: Iterable[Served] | None, **more: str | None
    ) -> Any:
        body: dict[str, Any] = {
            key: more[key] for key in more if more[key] is not None
        }
        if serving is not None:
            body["serving"] = [_plain(service) for service in serving]
        return self._http.call("PUT", "members", "heartbeat", body=body)


def _plain(service: Served) -> dict[str, Any]:
    fields = (
        dict(service)
        if isinstance(service, Mapping)
        else dataclasses.asdict(service)
    )
    if not fields.get("failed"):
        fields.pop("failed", None)
    return fields


def _with_volumes(answer: Any) -> BeatAnswers:
    # To a beat that says what it serves, volt wraps the list.
    peers = answer if isinstance(answer, list) else answer["peers"]
    return [{**peer, "parents": volumes_of(peer["parents"])} for peer in peers]
