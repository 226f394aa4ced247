# SPDX-License-Identifier: Apache-2.0
"""Reads the serial number of a SCSI disk, and the state of its session."""

from __future__ import annotations

import re

from virtman import privsep, sysfs
from virtman.path import SessionState

_SESSION = re.compile(r"session\d+")
_SERIAL = re.compile(r"^ID_SERIAL_SHORT=(.*)$", re.MULTILINE)


def serial(device: str) -> str:
    """Return a disk's unit serial number (SPC-4, VPD page 80h).

    It is the number that the disk had when it appeared: the kernel keeps the
    page from then.
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
    """Return a disk's serial number, asked of the disk itself.

    When a session was cut and is back, the same disk of this host may lead to
    another disk of the target; the kernel's page is that of the old one.

    :raises CommandError: the disk does not answer.
    """
    answer = privsep.scsi_id(
        "--whitelisted", "--page=0x80", "--export", f"--device={device}"
    )
    number = _SERIAL.search(answer)
    return number[1].strip() if number else ""


def session(device: str) -> SessionState:
    """Return the state of the iSCSI session of a disk.

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
