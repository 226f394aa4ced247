# SPDX-License-Identifier: Apache-2.0
"""The files of stores that disks of other hosts write on."""

from __future__ import annotations

import os
from pathlib import Path

from virtman import sysfs
from virtman.blockservice import store_sectors, stretch
from virtman.drivers import sparse
from virtman.exception import LayerError

# The option snapshot_chunk's: the host that writes may have another than we.
_CHUNKS = (8, 2048)


def size(sectors: int) -> int:
    """Return the bytes of a store in which a disk cannot overflow.

    Whatever chunk the host that writes has.

    :param sectors: of the disk.
    """
    most = max(store_sectors(sectors, chunk) for chunk in _CHUNKS)
    return most * sysfs.SECTOR


def allocated(file: Path) -> int:
    """Return the bytes on disk; nothing of a file that is gone."""
    try:
        return sparse.allocated(file)
    except FileNotFoundError:
        return 0


def make(file: Path, length: int) -> None:
    """Make a sparse file that a power cut does not take away.

    :param length: of the file, in bytes.
    :raises LayerError: its file system does not take it.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        stretch(file, length)
        for path in (file, file.parent):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise LayerError(
            f"{file} of {length >> 20} MiB cannot be made: {error.strerror}; "
            "is store_dir on a file system that takes such files?"
        ) from error
