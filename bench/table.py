# SPDX-License-Identifier: Apache-2.0
"""Tables of figures, as text."""

from __future__ import annotations

from collections.abc import Sequence

Rows = Sequence[Sequence[object]]


def table(rows: Rows) -> str:
    """Return rows in columns; the first row is the head."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            )
        )
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
