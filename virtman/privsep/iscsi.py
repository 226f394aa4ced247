# SPDX-License-Identifier: Apache-2.0
"""iSCSI: the initiator's sessions, their disks, and tgtd's targets.

CAP_SYS_ADMIN
    asked for by the kernel's iSCSI messages
    (``drivers/scsi/scsi_transport_iscsi.c``, ``iscsi_if_recv_msg``): without
    it open-iscsi 2.1.8 refused discovery, the list of sessions and logout.

iscsid and tgtd ask for the caller's user, which is root; tgtadm and scsi_id
have no need of a capability, and no helper of their own.
"""

from __future__ import annotations

import re
from pathlib import Path

from oslo_privsep import capabilities

from virtman.exception import LayerError
from virtman.privsep import command
from virtman.privsep.context import Context

SCSI_ID = "/lib/udev/scsi_id"
# Seconds.  A disk answers at once or its path is of no use.
SCSI_DEADLINE = 10.0
# Where a host is told to scan for disks, and a disk to go.
_TOLD = re.compile(
    r"/sys/class/scsi_host/host\d+/scan|/sys/block/sd[a-z]+/device/delete"
)

context = Context(
    __name__, "privsep_virtman_iscsi", [capabilities.CAP_SYS_ADMIN]
)


@context.function
def iscsiadm(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["iscsiadm", *args])


@context.function
def scsi_id(*args: str) -> str:
    """Run udev's program of that name, which is in no PATH."""
    return command.run([SCSI_ID, *args], deadline=SCSI_DEADLINE)


@context.function
def tgtadm(*args: str) -> str:
    """Run the program of that name for the iSCSI driver."""
    return command.run(["tgtadm", "--lld", "iscsi", *args])


@context.function
def tell_scsi(path: str, text: str) -> None:
    """Write to an attribute of the SCSI layer's: a scan, or a disk's end.

    :raises LayerError: it is another file, or the kernel says no.
    """
    if not _TOLD.fullmatch(path):
        raise LayerError(f"{path} is not for the agent to write to")
    try:
        Path(path).write_text(text)
    except OSError as error:
        raise LayerError(f"{path}: {error.strerror}") from error
