# SPDX-License-Identifier: Apache-2.0
"""Paths out of the texts of options."""

from __future__ import annotations

from pathlib import Path


def file(text: str | None) -> Path | None:
    """Return the path of a file, None without one."""
    return Path(text) if text else None


def folder(text: str | Path) -> Path:
    """Return a folder as the kernel names it: absolute, without links.

    A loop device on a file there is found by the kernel's name of the file.
    """
    return Path(text).resolve()
