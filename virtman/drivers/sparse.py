# SPDX-License-Identifier: Apache-2.0
"""Finds the written parts of a sparse file, as its file system tells them.

``SEEK_DATA`` and ``SEEK_HOLE`` of ``lseek(2)``.  A file system that keeps no
holes, or does not tell of them, calls all of a file data; so it is asked
about an empty file first.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Bytes.  Size of the empty file that the file system is asked about.
_LENGTH = 1 << 20
# stat(2): st_blocks are of 512 bytes, whatever the file system's are.
_BLOCK = 512


def allocated(file: Path) -> int:
    """Return the size of a file's blocks on its disk, in bytes.

    :raises OSError: the file is gone.
    """
    return file.stat().st_blocks * _BLOCK


def written(file: Path) -> list[tuple[int, int]]:
    """Return (start, end) in bytes of a file's written runs, in order.

    The list is empty where the file system does not tell holes from data.

    :raises OSError: the file is gone.
    """
    if not _tells_holes(file.parent):
        return []
    with file.open("rb") as opened:
        return list(_runs(opened.fileno()))


def _tells_holes(folder: Path) -> bool:
    """Tell whether a folder's file system tells holes from data."""
    try:
        with tempfile.TemporaryFile(dir=folder) as empty:
            empty.truncate(_LENGTH)
            return not list(_runs(empty.fileno()))
    except OSError:
        # The file system has no free inode, or has become read-only.
        return False


def _runs(handle: int) -> Iterator[tuple[int, int]]:
    end = 0
    while (start := _seek_data(handle, end)) is not None:
        end = os.lseek(handle, start, os.SEEK_HOLE)
        yield start, end


def _seek_data(handle: int, start: int) -> int | None:
    try:
        return os.lseek(handle, start, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
