# SPDX-License-Identifier: Apache-2.0
"""Checks the free space of the agent's folders, less what is promised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from virtman.conf import Settings
from virtman.doctor.finding import Finding, Level
from virtman.drivers import sparse
from virtman.targets import capacity

_CHECK = "space"
# Bytes.  Below the first the agent may fail to write a file of its state;
# below the second hardly an image fits any more.
_NONE = 64 << 20
_LITTLE = 1 << 30


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each folder."""
    folders = ["state_dir", "run_dir", "cache_dir", "snapshot_dir"]
    if settings.store_dir.exists():
        # Only on a node that keeps server stores.
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
    text = f"{option} {folder}: {free >> 20} MiB free"
    if promised:
        text += f", {promised >> 20} MiB of it promised to sparse files"
    # run_dir needs less: it has sockets and pid files alone.
    little = _NONE if option == "run_dir" else _LITTLE
    if free < (_NONE >> 4 if option == "run_dir" else _NONE):
        return Finding(_CHECK, Level.ERROR, text, _remedy(option))
    if free < max(little, promised):
        return Finding(_CHECK, Level.WARNING, text, _remedy(option))
    return Finding(_CHECK, Level.OK, text)


def _promised(folder: Path) -> int:
    """Return the bytes that the sparse files of a folder may still take."""
    total = 0
    for file in (*folder.glob("*.data"), *folder.glob("*.cow")):
        total += max(0, file.stat().st_size - sparse.allocated(file))
    return total


def _remedy(option: str) -> str:
    return f"free some, or set {option} to a larger file system"
