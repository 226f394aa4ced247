# SPDX-License-Identifier: Apache-2.0
"""Members: this node tells that it lives."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from voltclient.http import HTTPClient
from voltclient.types import Assignment, Serving, parsed
from voltclient.volumes import volumes_of

Served = Serving | Mapping[str, str]


class MemberManager:
    """Calls about nodes."""

    def __init__(self, http_client: HTTPClient) -> None:
        self._http = http_client

    def heartbeat(
        self,
        serving: Iterable[Served] | None = None,
        host: str | None = None,
    ) -> list[dict[str, Any]]:
        """Beat; return ``{'peer_id': …, 'parents': [Volume, …]}`` by peer.

        With ``serving`` (see :meth:`beat`) the dicts have ``stripes`` and
        ``image``, too, as volt sent them.
        """
        return parsed(_with_volumes, self._beat(serving, host))

    def beat(
        self, serving: Iterable[Served], host: str | None = None
    ) -> list[Assignment]:
        """Beat, and say what this node serves; return its assignments.

        What volt does not know it registers again.  Reservations that are
        not served yet are in the answer, too.  ``host`` is the name under
        which this node asked for its places, when that is not the address
        its calls come from; volt believes it only with a token.
        """
        told = self._beat(serving, host)
        return parsed(
            lambda told: [Assignment.parse(one) for one in told], told
        )

    def _beat(self, serving: Iterable[Served] | None, host: str | None) -> Any:
        body: dict[str, Any] = {}
        if host is not None:
            body['host'] = host
        if serving is not None:
            body['serving'] = [_plain(one) for one in serving]
        return self._http.call('PUT', 'members', 'heartbeat', body=body)


def _plain(one: Served) -> dict[str, Any]:
    return dict(one) if isinstance(one, Mapping) else dataclasses.asdict(one)


def _with_volumes(told: Any) -> list[dict[str, Any]]:
    return [{**one, 'parents': volumes_of(one['parents'])} for one in told]
