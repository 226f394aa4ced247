# SPDX-License-Identifier: Apache-2.0
"""Block devices that a caller names for an instance's writes."""

from __future__ import annotations

import re

from virtman import privsep, sysfs
from virtman.exception import InUse, InvalidRequest, NotFound
from virtman.instance.cow_file import SNAPSHOT_MAGIC
from virtman.quoting import quoted

# The path goes into a table, where a blank or a new line would begin another
# word.
_PATH = re.compile(r"/dev(/[A-Za-z0-9+:=@_-][A-Za-z0-9+.:=@_-]*)+")


def require_writes(instance: str, device: str, blank: bool) -> None:
    """Refuse a device that does not have the writes of an instance.

    After a boot the name may be another disk's.  A device that begins
    with zeros is new to the kernel as well (read_header in
    drivers/md/dm-snap-persistent.c), which writes the header then.

    :param blank: nothing may have been written on it yet.
    :raises NotFound: the device is not there, or has no such writes.
    """
    if not sysfs.sectors(device):
        raise NotFound(
            f"{device}, which had the writes of {instance}, is not on "
            "this node; attach it, or destroy the instance"
        )
    head = privsep.head(device, len(SNAPSHOT_MAGIC))
    if head != SNAPSHOT_MAGIC and (any(head) or not blank):
        raise NotFound(
            f"{device} does not hold the writes of {instance}: it has "
            "no header of a snapshot; attach the right one"
        )


def require_usable(device: str, least: int) -> None:
    """Refuse a device that a new store cannot be put on.

    :param least: the bytes that it must have.
    :raises InvalidRequest: no such device, or too small.
    :raises InUse: the device is held.
    """
    if not _PATH.fullmatch(device):
        raise InvalidRequest(
            f"the copy-on-write device {quoted(device)} is not a path under "
            "/dev of letters, digits and + . : = @ _ - alone; device-"
            "mapper takes no others"
        )
    size = sysfs.sectors(device) * sysfs.SECTOR
    if not size:
        raise InvalidRequest(
            f"the copy-on-write device {device} is not a block device "
            "with a size on this node"
        )
    if size < least:
        raise InvalidRequest(
            f"the copy-on-write device {device} is too small: it has "
            f"{size >> 10} KiB, at least {least >> 10} KiB are "
            "needed (snapshot_min_mib)"
        )
    reason = privsep.claimable(device)
    if reason:
        raise InUse(f"the copy-on-write device {device} is in use: {reason}")
