# SPDX-License-Identifier: Apache-2.0
"""Checks a RAW file that is to be exported, and derives its facts."""

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
    """Return the path of an image file that a caller gave.

    :raises InvalidRequest: it is not a path, or /sys would show it changed:
        control characters, or the kernel's mark of a removed file.
    """
    if (
        not isinstance(file_path, str)
        or not 0 < len(file_path.encode(errors="replace")) < _PATH_MAX
        or not file_path.isprintable()
        or file_path.endswith(" (deleted)")
    ):
        raise InvalidRequest(
            f"image file_path = {quoted(file_path)} is not the path of an "
            "image"
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
        status = os.fstat(handle)
        _check_shape(file, status)
        _check_unused(file, handle)
    finally:
        os.close(handle)
    return _facts(image, status)


def facts_now(image: str, file: Path) -> ImageFacts | None:
    """Return the facts that an image's file has now, None if it is gone."""
    try:
        return _facts(image, file.stat())
    except OSError:
        return None


def generation_now(file: Path) -> str | None:
    """Return the generation that a file has now, None if it is gone."""
    try:
        return _generation(file.stat())
    except OSError:
        return None


def _facts(image: str, status: os.stat_result) -> ImageFacts:
    generation = _generation(status)
    sectors = status.st_size // sysfs.SECTOR
    serial = names.serial(image, sectors, generation)
    return ImageFacts(sectors, generation, serial)


def _generation(status: os.stat_result) -> str:
    """Return a generation that changes with the content of a file."""
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"


def _check_shape(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InvalidRequest(f"image file_path = {file} is not a plain file")
    if status.st_size == 0:
        raise InvalidRequest(f"image file_path = {file} is empty")
    if status.st_size % sysfs.SECTOR:
        raise InvalidRequest(
            f"image file_path = {file} has {status.st_size} bytes, which is "
            f"no multiple of {sysfs.SECTOR}: is it a RAW image? "
            f"'truncate -s %{sysfs.SECTOR} {file}' pads one"
        )


def _check_unused(file: Path, handle: int) -> None:
    attached = loop.devices_of(file)
    if attached:
        raise InUse(
            f"image file_path = {file} is in use: attached to "
            f"{', '.join(attached)}"
        )
    # A read lease is refused while a process has the file open for writing
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
