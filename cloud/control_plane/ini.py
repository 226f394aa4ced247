# SPDX-License-Identifier: Apache-2.0
"""Writes options in the form that oslo.config reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Section = Mapping[str, object]
Sections = Mapping[str, Section]


def text(sections: Sections) -> str:
    """Return the text of a file: each section with its options."""
    return "\n".join(
        f"[{name}]\n" + "".join(map(_line, options.items()))
        for name, options in sections.items()
    )


def write(path: Path, sections: Sections) -> Path:
    """Write the file so that its owner alone may read it."""
    path.touch(mode=0o600)
    path.write_text(text(sections))
    return path


def _line(option: tuple[str, object]) -> str:
    name, value = option
    if isinstance(value, bool):
        value = str(value).lower()
    return f"{name} = {value}\n"
