# SPDX-License-Identifier: Apache-2.0
"""The sources of an image, and the disks that logins to them give.

A *source* is wanted: a portal, an iSCSI name and a LUN.  A *path* is what a
login to it gave: a SCSI disk of this host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from virtman import formats
from virtman.exception import InvalidRequest
from virtman.quoting import quoted
from vmthunder.addresses import host_port

# Without brackets an IPv6 address's end cannot be told from a port.
_PORTAL = re.compile(
    r"(\[(?P<v6>[^]]*)\]|(?P<host>[^:]*))(:(?P<port>[0-9]+))?"
)


# As many as an intent keeps.
CONNECTIONS_MAX = 64


@dataclass(frozen=True)
class Login:
    """The user and the secret of CHAP."""

    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Source:
    """One place that serves an image.

    ``host`` is an IP address or a name, ``port`` a TCP port, ``lun`` the
    logical unit (1; LUN 0 of a tgt target is its controller).  ``login`` is
    what a target that is no agent's asks for; it makes no other source.
    """

    host: str
    port: int
    iqn: str
    lun: int = 1
    login: Login | None = field(default=None, compare=False, repr=False)

    @property
    def portal(self) -> str:
        """``host:port``, an IPv6 address in brackets (RFC 7143, 4.2.7)."""
        return host_port(self.host, self.port)

    def __str__(self) -> str:
        """Name the source as ``/dev/disk/by-path`` would."""
        return f"ip-{self.portal}-iscsi-{self.iqn}-lun-{self.lun}"


@dataclass(frozen=True)
class Path:
    """A source that is logged in: its disk on this host and its size."""

    source: Source
    device: str
    sectors: int


class SessionState(Enum):
    """The state of a path's session, as the kernel has it."""

    UP = "up"
    DOWN = "down"
    GONE = "gone"


def from_connection(connection: Mapping[str, Any]) -> Source:
    """Return the source in a dict: target_portal, target_iqn, target_lun.

    Where the target asks for CHAP also auth_method, auth_username and
    auth_password, as in Cinder's ``connection_info``.

    :raises InvalidRequest: a key is missing or has a bad value.
    """
    try:
        portal = connection["target_portal"]
        iqn = connection["target_iqn"]
        lun = connection["target_lun"]
    except (KeyError, TypeError) as error:
        raise InvalidRequest(
            "an image connection needs target_portal, target_iqn and "
            "target_lun"
        ) from error
    if not formats.is_iscsi_name(iqn):
        raise InvalidRequest(
            f"the target_iqn {quoted(iqn)} is not an iSCSI name"
        )
    if not formats.is_lun(lun):
        raise InvalidRequest(
            f"the target_lun {quoted(lun)} is not a number from 0 to "
            f"{formats.LUN_MAX}"
        )
    login = _login(connection)
    return Source(*split_portal(portal), iqn, int(lun), login)


def _login(connection: Mapping[str, Any]) -> Login | None:
    """Return the login in a connection's dict, None without one."""
    if not connection.get("auth_method"):
        return None
    user = connection.get("auth_username")
    secret = connection.get("auth_password")
    if connection["auth_method"] != "CHAP" or not (
        formats.is_line(user) and formats.is_line(secret)
    ):
        raise InvalidRequest(
            "auth_method must be CHAP, with auth_username and auth_password "
            "of 1 to 255 printable ASCII characters"
        )
    return Login(str(user), str(secret))


def unique(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return each source once, in order, with its login if one has it."""
    best: dict[Source, Source] = {}
    for source in sources:
        if source not in best or source.login is not None:
            best[source] = source
    return tuple(best.values())


def from_connections(connections: Any) -> list[Source]:
    """Return the sources in a connection's dict, or in a list of dicts."""
    if isinstance(connections, Mapping):
        connections = [connections]
    if not isinstance(connections, Iterable) or isinstance(connections, str):
        raise InvalidRequest(
            "image_connections must be a dict or a list of dicts, "
            f"not {quoted(connections)}"
        )
    items = list(connections)
    if len(items) > CONNECTIONS_MAX:
        raise InvalidRequest(
            f"image_connections names {len(items)} image servers; at most "
            f"{CONNECTIONS_MAX} are remembered"
        )
    sources = [from_connection(item) for item in items]
    if not sources:
        raise InvalidRequest(
            "image_connections is empty: name an image server"
        )
    return sources


def split_portal(portal: str) -> tuple[str, int]:
    """Split ``host[:port]`` or ``[v6][:port]``; the port defaults to 3260."""
    match = _PORTAL.fullmatch(portal) if isinstance(portal, str) else None
    if match is not None:
        host, port = (
            match["v6"] or match["host"] or "",
            match["port"] or 3260,
        )
        # What is in brackets is an IPv6 address, and nothing else is.
        fits = formats.is_host(host) and (match["v6"] is None) != (":" in host)
        if fits and formats.is_port(port):
            return host, int(port)
    raise InvalidRequest(
        f"the portal {quoted(portal)} is not of the form host:port or "
        "[IPv6 address]:port"
    )
