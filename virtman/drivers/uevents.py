# SPDX-License-Identifier: Apache-2.0
"""The kernel's word that a path of a multipath device failed or came back.

device-mapper sends it (``drivers/md/dm-uevent.c``) from where it wakes those
who wait for events, and the kernel lets anybody listen.  In the lab it came
20 ms before a poll(2) of /dev/mapper/control returned and 35 ms before
``dmsetup wait`` did; the first needs root and tells of no device, the second
is a process for each.  A message (``lib/kobject_uevent.c``) is::

    change@/devices/virtual/block/dm-0 NUL ACTION=change NUL ...
    DM_TARGET=multipath NUL DM_ACTION=PATH_FAILED NUL ...
    DM_UUID=virtman-1-multipath-volume-image1 NUL

No library: pyudev would take libudev by ctypes and 44 ms of the agent's start,
for the ten lines that read a message.
"""

from __future__ import annotations

import logging
import select
import socket

from virtman import names
from virtman.names import Role

LOG = logging.getLogger(__name__)

# linux/netlink.h; the group is the kernel's own, not udev's.
_KOBJECT_UEVENT, _KERNEL = 15, 1
_LONGEST = 1 << 16


class Uevents:
    """Hears of paths; without the socket there is nothing to hear."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        try:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_DGRAM, _KOBJECT_UEVENT
            )
            self._socket.bind((0, _KERNEL))
            self._socket.setblocking(False)
        except OSError as error:
            LOG.warning(
                "the kernel's events cannot be heard (%s); a failed path is "
                "noticed a little later", error,
            )  # fmt: skip
            self.close()

    def wait(self, seconds: float) -> set[str] | None:
        """Return the images whose paths changed, waiting for the first.

        :returns: none after ``seconds`` without an event; None when events
            were lost.
        """
        listened = [self._socket] if self._socket else []
        select.select(listened, [], [], seconds)
        found: set[str] = set()
        try:
            while self._socket is not None:
                image = image_of(self._socket.recv(_LONGEST))
                found |= {image} if image else set()
        except BlockingIOError:
            return found
        except OSError as error:
            # ENOBUFS: more came than the socket holds.
            LOG.debug("events were lost: %s", error)
            return None
        return found

    def close(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def image_of(message: bytes) -> str | None:
    """Return the image that lost or got a path, to a source or its engine."""
    text = message.decode("ascii", "replace")
    pairs = dict(part.partition("=")[::2] for part in text.split("\0"))
    found = names.parse_dm_uuid(pairs.get("DM_UUID", ""))
    if "DM_ACTION" not in pairs or not found:
        return None
    role, key = found
    return key if role in (Role.MULTIPATH, Role.ENGINE) else None
