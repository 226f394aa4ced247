# SPDX-License-Identifier: Apache-2.0
"""Questions to an iSCSI portal before a login."""

from __future__ import annotations

import socket

from virtman import privsep
from virtman.exception import LayerError
from virtman.path import Source

# For a host that does not answer at all at the portal.
_PROBE_SECONDS = 2.0


def names_target(source: Source) -> bool:
    """Tell whether SendTargets of a source's portal names the target.

    The portal lists the targets to which this initiator may log in.
    """
    try:
        answer = privsep.iscsiadm(
            "-m", "discovery", "-t", "sendtargets",
            "-p", source.portal, "-o", "nonpersistent",
        )  # fmt: skip
    except LayerError:
        return False
    return any(
        line.split()[1:2] == [source.iqn] for line in answer.splitlines()
    )


def listens(source: Source) -> bool:
    """Tell whether a source's portal takes a TCP connection."""
    address = (source.host, source.port)
    try:
        with socket.create_connection(address, timeout=_PROBE_SECONDS):
            return True
    except OSError:
        return False
