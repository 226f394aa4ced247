# SPDX-License-Identifier: Apache-2.0
"""Room in the agent's folders, and what is promised of it already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.drivers import sparse
from virtman.targets import capacity

_CHECK = "space"
# Below the first a file of state may not be written any more; below the
# second there is hardly an image that still fits.  In bytes.
_NONE = 64 << 20
_LITTLE = 1 << 30


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each folder."""
    folders = ["state_dir", "run_dir", "cache_dir", "snapshot_dir"]
    if settings.store_dir.exists():
        # Of a node that keeps volumes of Cinder.
        folders.append("store_dir")
    for option in folders:
        yield _finding(option, getattr(settings, option))


def _finding(option: str, folder: Path) -> Finding:
    where = capacity.nearest(folder)
    if not where.is_dir():
        return Finding(
            _CHECK, Level.ERROR, f"{option} {folder}: {where} is no folder",
            f"move it away, or set {option} to another folder",
        )  # fmt: skip
    free, promised = capacity.of(folder).free, _promised(folder)
    said = f"{option} {folder}: {free >> 20} MiB free"
    if promised:
        said += f", {promised >> 20} MiB of it promised to sparse files"
    # What lives in run_dir are sockets and pid files.
    little = _NONE if option == "run_dir" else _LITTLE
    if free < (_NONE >> 4 if option == "run_dir" else _NONE):
        return Finding(_CHECK, Level.ERROR, said, _remedy(option))
    if free < max(little, promised):
        return Finding(_CHECK, Level.WARNING, said, _remedy(option))
    return Finding(_CHECK, Level.OK, said)


def _promised(folder: Path) -> int:
    """Return how much the files of a folder may still take up, in bytes."""
    total = 0
    for file in (*folder.glob("*.data"), *folder.glob("*.cow")):
        total += max(0, file.stat().st_size - sparse.allocated(file))
    return total


def _remedy(option: str) -> str:
    return f"free some, or set {option} to a larger file system"
