# SPDX-License-Identifier: Apache-2.0
"""Block devices: device-mapper, loop, NBD, flashcache; writing on them.

CAP_SYS_ADMIN
    asked for by each ioctl of device-mapper, by blockdev's and NBD's.
CAP_DAC_OVERRIDE
    loop devices are attached to files, and NBD devices to sockets, in
    folders that are the agent's user's alone.

With one of the two less, "dmsetup create", "losetup --find" and "nbd-client
-unix" were refused on Linux 6.1; nothing else was missed, with udev or
without.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from oslo_privsep import capabilities

from virtman import waiting
from virtman.exception import LayerError
from virtman.privsep import command
from virtman.privsep.context import Context

# Seconds.  What another program holds for a moment is not in use: udev's
# helpers look at a new device, and a program that this process has just
# forked keeps the descriptors open here until it executes: 0.3 s were seen.
HELD_DEADLINE = 3.0

context = Context(
    __name__,
    "privsep_virtman_devices",
    [capabilities.CAP_SYS_ADMIN, capabilities.CAP_DAC_OVERRIDE],
)


@contextlib.contextmanager
def _named(device: str) -> Iterator[None]:
    """Name the device in an error: the helper's answer drops OSError's."""
    try:
        yield
    except OSError as error:
        raise LayerError(f"{device}: {error.strerror}") from error


@context.function
def dmsetup(
    *args: str, table: str | None = None, deadline: float | None = None
) -> str:
    """Run the program; ``table`` goes to its standard input.

    :param deadline: in seconds, if it must end sooner than others.
    """
    return command.run(["dmsetup", *args], table, deadline)


@context.function
def losetup(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["losetup", *args])


@context.function
def blockdev(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["blockdev", *args])


@context.function
def partx(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["partx", *args])


@context.function
def nbd_client(*args: str) -> str:
    """Run the program of that name."""
    return command.run(["nbd-client", *args])


@context.function
def flashcache_create(*args: str) -> str:
    """Run flashcache_create, of the flashcache package."""
    return command.run(["flashcache_create", *args])


@context.function
def flashcache_destroy(*args: str) -> str:
    """Run flashcache_destroy, of the flashcache package."""
    return command.run(["flashcache_destroy", *args])


def _claim(device: str, flags: int) -> int:
    """Open a device that no file system and no table holds; exclusively.

    :raises OSError: it is held for longer than ``HELD_DEADLINE``.
    """
    return waiting.retry(
        lambda: os.open(device, flags | os.O_EXCL),
        OSError,
        lambda error: error.errno == errno.EBUSY,
        HELD_DEADLINE,
    )


@context.function
def wipe(device: str, length: int) -> None:
    """Write zeros over the first ``length`` bytes of a block device.

    Opened exclusively: the kernel refuses when a file system or a
    device-mapper table holds the device (``open(2)``, O_EXCL).

    :raises LayerError: it does, or there is no such device.
    """
    with _named(device):
        handle = _claim(device, os.O_WRONLY | os.O_SYNC)
        try:
            os.pwrite(handle, bytes(length), 0)
        finally:
            os.close(handle)


@context.function
def head(device: str, length: int) -> bytes:
    """Return the first ``length`` bytes of a block device.

    :raises LayerError: it cannot be read.
    """
    with _named(device), Path(device).open("rb", buffering=0) as opened:
        return opened.read(length)


@context.function
def claimable(device: str) -> str | None:
    """Return None if a block device is free, else the kernel's reason."""
    try:
        os.close(_claim(device, os.O_RDWR))
    except OSError as error:
        return os.strerror(error.errno or 0)
    return None
