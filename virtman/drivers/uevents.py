# SPDX-License-Identifier: Apache-2.0
"""Receives the kernel's events of paths that failed or came back.

device-mapper sends an event (``drivers/md/dm-uevent.c``) at the moment when it
wakes the processes that wait for one, and every user may listen.  In the lab
it came 20 ms before a poll(2) of /dev/mapper/control returned and 35 ms before
``dmsetup wait`` did.  The poll needs root and names no device; ``dmsetup
wait`` needs a process for each device.  A message
(``lib/kobject_uevent.c``) is::

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
# Bytes of a message that are read at most.
_LONGEST = 1 << 16


class Uevents:
    """A listener for events of paths; without its socket it only waits."""

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
                "the kernel's events cannot be received (%s); a failed path "
                "is noticed a little later", error,
            )  # fmt: skip
            self.close()

    def wait(self, seconds: float) -> set[str] | None:
        """Wait for an event, and return the images whose paths changed.

        :returns: an empty set after ``seconds`` without an event; None if
            events were lost.
        """
        sockets = [self._socket] if self._socket else []
        select.select(sockets, [], [], seconds)
        images: set[str] = set()
        try:
            # Until nothing is left, so that a burst is answered once.
            while self._socket is not None:
                image = image_of(self._socket.recv(_LONGEST))
                images |= {image} if image else set()
        except BlockingIOError:
            return images
        except OSError as error:
            # ENOBUFS: more events came than the socket's buffer holds.
            LOG.debug("events were lost: %s", error)
            return None
        return images

    def close(self) -> None:
        """Close the socket; no more events are received."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def image_of(message: bytes) -> str | None:
    """Return the image of which a message says that a path changed.

    The path leads to a source or to the cache engine.

    :returns: None if the message is of another device or another event.
    """
    text = message.decode("ascii", "replace")
    pairs = dict(part.partition("=")[::2] for part in text.split("\0"))
    parsed = names.parse_dm_uuid(pairs.get("DM_UUID", ""))
    if "DM_ACTION" not in pairs or not parsed:
        return None
    role, key = parsed
    return key if role in (Role.MULTIPATH, Role.ENGINE) else None
