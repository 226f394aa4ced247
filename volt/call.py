# SPDX-License-Identifier: Apache-2.0
"""One request as a handler sees it, and the answer it gives."""

import dataclasses
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from volt.census import Census, Monitor
from volt.images import Images
from volt.listing import Listing
from volt.members import Members
from volt.tree import Tree


@dataclasses.dataclass(frozen=True, slots=True)
class Services:
    """What handlers work with; put together once, in ``cmd``."""

    tree: Tree
    members: Members
    images: Images
    listing: Listing
    monitor: Monitor
    figures: Callable[[Census | None], bytes]
    """What is counted, as text."""


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
        """Return the caller's host: what it says counts if it is trusted."""
        if self.trusted and isinstance(said, str):
            return said
        return plain(self.remote)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A status and what goes out; None is an empty body.

    What is not JSON is given as bytes.
    """

    payload: Any = None
    status: int = 200
    content_type: str = 'application/json'


def plain(address: str) -> str:
    """Return ``::ffff:10.0.0.1`` as the IPv4 address that it means.

    A dual-stack socket reports IPv4 callers in this form; a node must have
    the same name whichever way it comes.
    """
    try:
        mapped = getattr(ipaddress.ip_address(address), 'ipv4_mapped', None)
    except ValueError:
        return address
    return str(mapped or address)


def is_loopback(host: str) -> bool:
    """Tell whether an address is one that this host alone can reach."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(plain(host)).is_loopback
    except ValueError:
        return False
