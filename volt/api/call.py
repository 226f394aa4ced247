# SPDX-License-Identifier: Apache-2.0
"""One request as a handler sees it, and the handler's answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from vmthunder.addresses import plain
from volt.exception import BadRequest
from volt.metrics.census import Census, Monitor
from volt.topology.images import Images
from volt.topology.listing import Listing
from volt.topology.members import Members
from volt.topology.tickets import Tickets
from volt.topology.tree import Tree


@dataclasses.dataclass(frozen=True, slots=True)
class Services:
    """The services that handlers call; put together in ``volt.compose``."""

    tree: Tree
    members: Members
    images: Images
    listing: Listing
    tickets: Tickets
    monitor: Monitor
    counters: Callable[[Census | None], bytes]
    """Returns the metrics as text, of a census if the registry answers."""
    document: Callable[[], bytes]
    """Returns the OpenAPI document as JSON."""


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A decoded request: no handler touches WSGI."""

    services: Services
    path: Mapping[str, str]
    """Identifiers from the path, percent-decoded and checked."""
    query: Mapping[str, Any]
    """Query parameters, checked against the route's schema, as the body is."""
    body: Mapping[str, Any]
    remote: str
    """The address the request came from."""
    trusted: bool
    """Whether the caller may name another host than its own."""
    origin: str
    """Scheme, host and port under which the caller reached volt."""

    def host(self, named: Any) -> str:
        """Return the caller's host: a trusted caller may name it in the body.

        Raises ``BadRequest`` for a caller that names none and has no address.
        """
        if self.trusted and isinstance(named, str):
            return named
        if not self.remote:
            raise BadRequest(
                "the request comes from no host that volt can name (a UNIX "
                "socket?): give host in the body, and a token"
            )
        return plain(self.remote)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The payload of an answer: None is an empty body, bytes stay as they are.

    The route declares status and content type.
    """

    payload: Any = None
