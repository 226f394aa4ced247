# SPDX-License-Identifier: Apache-2.0
"""Endpoints: read a text as a door of an agent."""

from __future__ import annotations

import dataclasses
import enum
import urllib.parse

from virtmanclient import vmtapi
from virtmanclient.doors import broker
from virtmanclient.exceptions import InvalidEndpoint

_UNIX = "unix://"


class Door(enum.Enum):
    """The door of an agent that an endpoint leads to."""

    LOCAL = "its Unix socket"
    BROKER = "a message broker"
    NETWORK = "XML-RPC"


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A door and its address.

    ``address`` is the path of the socket, the URL of the broker, or
    ``host:port``.
    """

    door: Door
    address: str


def parse(text: str) -> Endpoint:
    """Return the endpoint that a text names.

    :raises InvalidEndpoint: the text names no endpoint
    """
    if text.startswith(_UNIX):
        return Endpoint(Door.LOCAL, text.removeprefix(_UNIX))
    if text.startswith(broker.SCHEME):
        return Endpoint(Door.BROKER, text)
    return Endpoint(Door.NETWORK, _host_and_port(text))


def parse_direct(text: str, refusal: str) -> Endpoint:
    """Return the endpoint that a text names, which must not be a broker.

    :param refusal: the message that refuses an endpoint of a broker
    :raises InvalidEndpoint: the text names a broker, or no endpoint
    """
    endpoint = parse(text)
    if endpoint.door is Door.BROKER:
        raise InvalidEndpoint(refusal)
    return endpoint


def _host_and_port(text: str) -> str:
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port or vmtapi.PORT
    except ValueError:  # the port is not a number, or a bracket is missing
        raise _invalid(text) from None
    if parts.scheme != "http" or not host or parts.path.strip("/"):
        raise _invalid(text)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _invalid(text: str) -> InvalidEndpoint:
    # What stands before an '@' may be a password.
    quoted = f"...@{text.rpartition('@')[2]}" if "@" in text else text
    return InvalidEndpoint(
        f"{quoted!r} is not an endpoint: write host:port, http://host:port, "
        "unix:///path or rabbit://user:password@host/"
    )
