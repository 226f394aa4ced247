# SPDX-License-Identifier: Apache-2.0
"""A RAW file that is to be exported: whether it can be, and what it is."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from pathlib import Path

from virtman import names, sysfs
from virtman.drivers import loop
from virtman.exception import InUse, InvalidRequest
from virtman.model import ImageFacts
from virtman.quoting import quoted

LOG = logging.getLogger(__name__)
# Bytes (linux/limits.h, with the NUL at the end).
_PATH_MAX = 4096


def path_of(file_path: str) -> Path:
    """Return what a caller gave as a path.

    :raises InvalidRequest: it is none, or one that /sys would not show as it
        is: control characters, or the kernel's mark of a removed file.
    """
    if (
        not isinstance(file_path, str)
        or not 0 < len(file_path.encode(errors="replace")) < _PATH_MAX
        or not file_path.isprintable()
        or file_path.endswith(" (deleted)")
    ):
        raise InvalidRequest(
            f"image file_path = {quoted(file_path)} is no path of an image"
        )
    return Path(file_path)


def inspect(image: str, file: Path) -> ImageFacts:
    """Return an image file's facts if it can be exported.

    :raises InvalidRequest: missing, empty, no plain file, an odd size.
    :raises InUse: attached to a loop device, or open for writing.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise InvalidRequest(f"image file_path = {file} not exists") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(
            f"image file_path = {file} cannot be opened: {reason}"
        ) from None
    try:
        found = os.fstat(handle)
        _check_shape(file, found)
        _check_unused(file, handle)
    finally:
        os.close(handle)
    return _facts(image, found)


def facts_now(image: str, file: Path) -> ImageFacts | None:
    """Return the facts of a file that is exported, None if it is gone."""
    try:
        return _facts(image, file.stat())
    except OSError:
        return None


def generation_now(file: Path) -> str | None:
    """Return which content a file has, None if it is gone."""
    try:
        return _generation(file.stat())
    except OSError:
        return None


def _facts(image: str, found: os.stat_result) -> ImageFacts:
    generation = _generation(found)
    sectors = found.st_size // sysfs.SECTOR
    serial = names.serial(image, sectors, generation)
    return ImageFacts(sectors, generation, serial)


def _generation(found: os.stat_result) -> str:
    """Derive the generation from what changes when the content does."""
    return f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"


def _check_shape(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidRequest(f"image file_path = {file} is no plain file")
    if found.st_size == 0:
        raise InvalidRequest(f"image file_path = {file} is empty")
    if found.st_size % sysfs.SECTOR:
        raise InvalidRequest(
            f"image file_path = {file} has {found.st_size} bytes, which is "
            f"no multiple of {sysfs.SECTOR}: is it a RAW image? "
            f"'truncate -s %{sysfs.SECTOR} {file}' pads one"
        )


def _check_unused(file: Path, handle: int) -> None:
    used = loop.devices_of(file)
    if used:
        raise InUse(
            f"image file_path = {file} is in use: attached to "
            f"{', '.join(used)}"
        )
    # A read lease is refused while anybody has the file open for writing
    # (fcntl(2)); file systems without leases (9p, NFS) cannot tell.
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        raise InUse(
            f"image file_path = {file} is in use: open for writing somewhere"
        ) from None
    except OSError:
        LOG.debug("%s: its file system has no leases", file)
