# SPDX-License-Identifier: Apache-2.0
"""Questions to /sys, asked anew each time and never remembered.

Reading a file here costs microseconds; a tool that prints the same costs a
process.  Formats: ``Documentation/ABI/testing/sysfs-block*`` of the kernel.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

SYS = Path("/sys")
SECTOR = 512


def read(path: Path) -> str | None:
    """Return a file's text without its last newline, None if absent."""
    try:
        return path.read_text(errors="replace").rstrip("\n")
    except OSError:
        return None


def block_dir(device: str) -> Path | None:
    """Return the /sys folder of a block device's path, None if absent."""
    try:
        status = Path(device).stat()
    except OSError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    folder = SYS / "dev" / "block" / number
    return folder.resolve() if folder.exists() else None


def sectors(device: str) -> int:
    """Return a block device's size in sectors of 512 bytes, 0 if absent."""
    folder = block_dir(device)
    return int(read(folder / "size") or 0) if folder else 0


def number(device: str) -> str | None:
    """Return ``major:minor`` as device-mapper tables print it."""
    folder = block_dir(device)
    return read(folder / "dev") if folder else None


def holders(device: str) -> list[str]:
    """Return the kernel names of the devices that stand on this one."""
    folder = block_dir(device)
    return _names(folder / "holders") if folder else []


def slaves(device: str) -> list[str]:
    """Return the kernel names of the devices that this one stands on."""
    folder = block_dir(device)
    return _names(folder / "slaves") if folder else []


def reads_completed(device: str) -> int:
    """Return how many reads a block device has answered (``stat``, 1st)."""
    folder = block_dir(device)
    fields = (read(folder / "stat") or "").split() if folder else []
    return int(fields[0]) if fields else 0


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []
