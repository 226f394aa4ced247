# SPDX-License-Identifier: Apache-2.0
"""One request as a handler sees it, and the answer it gives."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from volt.exception import BadRequest
from volt.metrics.census import Census, Monitor
from volt.request import plain
from volt.topology.images import Images
from volt.topology.listing import Listing
from volt.topology.members import Members
from volt.topology.tickets import Tickets
from volt.topology.tree import Tree


@dataclasses.dataclass(frozen=True, slots=True)
class Services:
    """What handlers work with; put together once, in ``cmd``."""

    tree: Tree
    members: Members
    images: Images
    listing: Listing
    tickets: Tickets
    monitor: Monitor
    figures: Callable[[Census | None], bytes]
    """What is counted, as text."""
    document: Callable[[], bytes]
    """What the API is, as JSON."""


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A request, decoded: no handler touches WSGI."""

    services: Services
    path: Mapping[str, str]
    """Identifiers from the path, percent-decoded and checked."""
    query: Mapping[str, Any]
    """Query parameters, held against the route's schema, as the body."""
    body: Mapping[str, Any]
    remote: str
    """The address the request came from."""
    trusted: bool
    """Whether the caller may name another host than its own."""
    origin: str
    """Scheme, host and port under which the caller found us."""

    def host(self, said: Any) -> str:
        """Return the caller's host: what it says counts if it is trusted.

        Raises ``BadRequest`` for one that does not say, and has no address.
        """
        if self.trusted and isinstance(said, str):
            return said
        if not self.remote:
            raise BadRequest(
                "volt cannot tell from which host this comes (a socket of "
                "the file system?): say host, and show a token"
            )
        return plain(self.remote)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What goes out; None is an empty body, bytes are sent as they are.

    Status and kind of content are those that the route declares.
    """

    payload: Any = None
