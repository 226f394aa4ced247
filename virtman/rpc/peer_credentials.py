# SPDX-License-Identifier: Apache-2.0
"""The process at the other end of a Unix socket, by the kernel (unix(7))."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass

from virtman.exception import ConfigError

# struct ucred: process, user and group, as they were at connect(2).
_UCRED = struct.Struct("iII")


@dataclass(frozen=True)
class Peer:
    """A process that has connected: its id, its user and its group."""

    pid: int
    uid: int
    gid: int


def of(connection: socket.socket) -> Peer:
    """Return the process that has made a connection."""
    raw = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size
    )
    return Peer(*_UCRED.unpack(raw))


class Callers:
    """The admitted callers: root, the agent's user, and one group.

    :param group: its name; None admits no others.
    :raises ConfigError: this host has no such group.
    """

    def __init__(self, group: str | None) -> None:
        self.gid: int | None = None
        if group is not None:
            try:
                self.gid = grp.getgrnam(group).gr_gid
            except KeyError:
                raise ConfigError(
                    f"local_group = {group}: this host has no such group; "
                    f"make it ('groupadd --system {group}') or name another"
                ) from None

    def admits(self, peer: Peer) -> bool:
        """Tell whether a process may use the door."""
        if peer.uid in (0, os.geteuid()):
            return True
        return self.gid is not None and self.gid in _groups(peer)


def _groups(peer: Peer) -> set[int]:
    """Return the groups of a process's user, and that of the process."""
    try:
        user = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        return {peer.gid}
    return {peer.gid, *os.getgrouplist(user, peer.gid)}
