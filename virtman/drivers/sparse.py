# SPDX-License-Identifier: Apache-2.0
"""What of a sparse file has been written, as its file system tells.

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

_LENGTH = 1 << 20
# stat(2): st_blocks are of 512 bytes, whatever the file system's are.
_BLOCK = 512


def allocated(file: Path) -> int:
    """Return the bytes that a file takes up on its disk.

    :raises OSError: the file is gone.
    """
    return file.stat().st_blocks * _BLOCK


def written(file: Path) -> list[tuple[int, int]]:
    """Return (start, end) in bytes of each run that was written, in order.

    None at all where that cannot be told.

    :raises OSError: the file is gone.
    """
    if not _tells_holes(file.parent):
        return []
    with file.open("rb") as opened:
        return list(_runs(opened.fileno()))


def _tells_holes(folder: Path) -> bool:
    """Tell whether a hole is told from data; leaves nothing behind."""
    try:
        with tempfile.TemporaryFile(dir=folder) as empty:
            empty.truncate(_LENGTH)
            return not list(_runs(empty.fileno()))
    except OSError:
        # Full to the last inode, or read-only by now.
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
