# SPDX-License-Identifier: Apache-2.0
"""Finds the processes that listen on a TCP port of this host.

``/proc/net/tcp`` and ``tcp6`` have a line a socket (``proc(5)``)::

    sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    0: 0100007F:1E5E 00000000:0000 0A 0:0 00:0 0 0 0 12345 ...
"""

from __future__ import annotations

from collections.abc import Iterator

from virtman import sysfs
from virtman.drivers import processes

_LISTEN = "0A"


def listening(port: int) -> list[int]:
    """Return the ids of the processes that listen on a port.

    0 stands for a socket that no visible process owns: one of the kernel
    itself, or of another container.
    """
    inodes = [
        fields[9]
        for fields in _lines()
        if fields[3] == _LISTEN
        and int(fields[1].rpartition(":")[2], 16) == port
    ]
    owners = processes.sockets() if inodes else {}
    return sorted({owners.get(inode, 0) for inode in inodes})


def _lines() -> Iterator[list[str]]:
    for name in ("tcp", "tcp6"):
        text = sysfs.read(processes.PROC / "net" / name) or ""
        for line in text.splitlines()[1:]:
            yield line.split()
