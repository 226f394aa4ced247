# SPDX-License-Identifier: Apache-2.0
"""Where an image can be read from, and the disk that came of it.

A *source* is wanted: a portal, an iSCSI name and a LUN.  A *path* is what a
login to it gave: a SCSI disk of this host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from virtman.exception import InvalidRequest


@dataclass(frozen=True)
class Source:
    """One place that serves an image.

    ``host`` is an IP address or a name, ``port`` a TCP port, ``lun`` the
    logical unit (1; LUN 0 of a tgt target is its controller).
    """

    host: str
    port: int
    iqn: str
    lun: int = 1

    @property
    def portal(self) -> str:
        """``host:port``, an IPv6 address in brackets (RFC 7143, 4.2.7)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """Name the source as ``/dev/disk/by-path`` would."""
        return f"ip-{self.portal}-iscsi-{self.iqn}-lun-{self.lun}"


@dataclass(frozen=True)
class Path:
    """A source that is logged in: its disk on this host and its size."""

    source: Source
    device: str
    sectors: int


def from_connection(connection: Mapping[str, Any]) -> Source:
    """Read the contract's dict: target_portal, target_iqn, target_lun.

    :raises InvalidRequest: a key is missing or its value makes no sense.
    """
    try:
        portal = str(connection["target_portal"])
        iqn = str(connection["target_iqn"])
        lun = int(connection["target_lun"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(
            f"the image connection {connection!r} needs target_portal, "
            "target_iqn and target_lun"
        ) from error
    return Source(*split_portal(portal), iqn, lun)


def from_connections(connections: Any) -> list[Source]:
    """Read one connection dict, or a list or tuple of them, in order."""
    if isinstance(connections, Mapping):
        connections = [connections]
    if not isinstance(connections, Iterable) or isinstance(connections, str):
        raise InvalidRequest(
            "image_connections must be a dict or a list of dicts, "
            f"not {type(connections).__name__}"
        )
    found = [from_connection(item) for item in connections]
    if not found:
        raise InvalidRequest(
            "image_connections is empty: name an image server"
        )
    return found


def split_portal(portal: str) -> tuple[str, int]:
    """Split ``host[:port]`` or ``[v6]:port``; the port defaults to 3260."""
    host, colon, port = portal.rpartition(":")
    if not colon or portal.endswith("]"):
        host, port = portal, "3260"
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidRequest(
            f"the portal {portal!r} is not of the form host:port"
        )
    return host, int(port)
