# SPDX-License-Identifier: Apache-2.0
"""The room in a folder of sparse files: what is free, what is promised."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from virtman.state import files


@dataclass(frozen=True)
class Room:
    """Room in a folder of stores, in bytes.

    ``total`` and ``free`` are of its file system, ``free`` without what only
    root may take; ``provisioned`` is what the stores take up once they are
    written to the end.
    """

    total: int
    free: int
    provisioned: int


def of(folder: Path) -> Room:
    """Return the room in a folder, which need not exist yet.

    :raises OSError: its file system cannot be asked.
    """
    disk = shutil.disk_usage(nearest(folder))
    return Room(disk.total, disk.free, sum(_sizes(folder)))


def nearest(folder: Path) -> Path:
    """Return the folder, or its closest parent that exists."""
    return next(p for p in (folder, *folder.parents) if p.exists())


def _sizes(folder: Path) -> Iterator[int]:
    for file in files.cow_stores(folder).values():
        try:
            yield file.stat().st_size
        except FileNotFoundError:
            # The store was deleted meanwhile.
            continue
