# SPDX-License-Identifier: Apache-2.0
"""Files of COW stores: their size, their header, and how they are made."""

from __future__ import annotations

import os
from pathlib import Path

from virtman import sysfs
from virtman.drivers import sparse
from virtman.exception import LayerError
from virtman.state import files

# dm-snapshot's persistent store (drivers/md/dm-snap-persistent.c): a header
# chunk, then areas of one metadata chunk (an exception takes 16 bytes of it)
# and the chunks it describes.
_EXCEPTION_BYTES = 16
# SNAP_MAGIC of the same source, little endian.
SNAPSHOT_MAGIC = b"SnAp"
# The least and the most of the option snapshot_chunk: the host of the VM may
# have another value than the host of the store.
_CHUNKS = (8, 2048)


def size(sectors: int) -> int:
    """Return the bytes of a store that cannot overflow, for any chunk.

    :param sectors: the size of the disk whose writes it takes.
    """
    most = max(store_sectors(sectors, chunk) for chunk in _CHUNKS)
    return most * sysfs.SECTOR


def allocated(file: Path) -> int:
    """Return the bytes that a file has on disk; 0 if the file is gone."""
    try:
        return sparse.allocated(file)
    except FileNotFoundError:
        return 0


def make(file: Path, length: int) -> None:
    """Make a sparse file that is still there after a power cut.

    :param length: of the file, in bytes.
    :raises LayerError: its file system does not take it.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        stretch(file, length)
        # The folder, too: without that the file's name may be lost.
        files.flush(file)
        files.flush(file.parent)
    except OSError as error:
        raise LayerError(
            f"{file} of {length >> 20} MiB cannot be made: {error.strerror}; "
            "is store_dir on a file system that takes such files?"
        ) from error


def store_sectors(origin_sectors: int, chunk: int) -> int:
    """Return the sectors of a store that cannot overflow.

    There is room for every chunk of the origin, for the metadata chunk of
    each area, for the header, and for one area that is begun in advance.

    :param origin_sectors: size of the origin in sectors of 512 bytes.
    :param chunk: chunk size in sectors.
    """
    chunks = -(-origin_sectors // chunk)
    per_area = chunk * sysfs.SECTOR // _EXCEPTION_BYTES
    areas = -(-chunks // per_area) + 1
    return (chunks + areas + 1) * chunk


def has_writes(file: Path) -> bool:
    """Tell whether a file begins with the header of a snapshot."""
    try:
        with file.open("rb") as store:
            return store.read(len(SNAPSHOT_MAGIC)) == SNAPSHOT_MAGIC
    except FileNotFoundError:
        return False


def stretch(file: Path, size: int) -> None:
    """Make a sparse file of at least ``size`` bytes; keep a larger one."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(handle).st_size < size:
            os.ftruncate(handle, size)
    finally:
        os.close(handle)
