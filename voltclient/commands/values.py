# SPDX-License-Identifier: Apache-2.0
"""Values with one form for people and another for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cliff import columns


class Seconds(columns.FormattableColumn["float | None"]):
    """A time: seconds for programs, the two largest units for people."""

    def human_readable(self) -> str:
        """Return the time as in ``3 min 20 s``."""
        return spoken(self._value)


class Size(columns.FormattableColumn[int]):
    """A size: bytes for programs."""

    def human_readable(self) -> str:
        """Return the size as in ``64.0 MiB``."""
        size, unit = float(self._value), "bytes"
        for larger in ("KiB", "MiB", "GiB", "TiB"):
            if size < 1024:
                break
            size, unit = size / 1024, larger
        return (
            f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        )


class Lines(columns.FormattableColumn[list[dict[str, Any]]]):
    """Several objects with the same fields: a line each for people."""

    def human_readable(self) -> str:
        """Return the fields of each object on a line."""
        return "\n".join(_line(fields) for fields in self._value)


def spoken(seconds: float | None) -> str:
    """Return a time as in ``3 min 20 s``."""
    if seconds is None:
        return "never"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, below, part in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // part
            more = f" {rest} {below}" if rest else ""
            return f"{whole // size} {unit}{more}"
    return f"{whole} s"


def _line(fields: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={fields[name]}" for name in fields if fields[name] is not None
    )
