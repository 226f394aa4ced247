# SPDX-License-Identifier: Apache-2.0
"""What a logged-in disk and its session say of themselves."""

from __future__ import annotations

import re

from virtman import privsep, sysfs
from virtman.path import SessionState

_SESSION = re.compile(r"session\d+")
_SERIAL = re.compile(r"^ID_SERIAL_SHORT=(.*)$", re.MULTILINE)


def serial(device: str) -> str:
    """Return a disk's unit serial number (SPC-4, VPD page 80h).

    As it was when the disk appeared: the kernel has kept the page.
    """
    folder = sysfs.block_dir(device)
    if folder is None:
        return ""
    try:
        page = (folder / "device" / "vpd_pg80").read_bytes()
    except OSError:
        return ""
    return page[4:].decode("ascii", "replace").strip(" \0")


def serial_now(device: str) -> str:
    """Ask the disk for its serial number anew.

    After a session was lost and found again the same disk of this host may
    be another one of the target's, and the kernel's page is the old one's.

    :raises CommandError: it does not answer.
    """
    told = privsep.scsi_id(
        "--whitelisted", "--page=0x80", "--export", f"--device={device}"
    )
    found = _SERIAL.search(told)
    return found[1].strip() if found else ""


def session(device: str) -> SessionState:
    """Return the state of the iSCSI session that a disk came by.

    ``/sys/block/sdX`` leads to ``.../sessionN/targetH:C:I/.../block/sdX``;
    the session's own folder has its state (``LOGGED_IN``, ``FAILED`` when
    the target does not answer any more, ``FREE`` when the kernel has given
    its reads back).
    """
    folder = sysfs.block_dir(device)
    for parent in folder.parents if folder else ():
        if _SESSION.fullmatch(parent.name):
            file = parent / "iscsi_session" / parent.name / "state"
            up = sysfs.read(file) == "LOGGED_IN"
            return SessionState.UP if up else SessionState.DOWN
    return SessionState.GONE
