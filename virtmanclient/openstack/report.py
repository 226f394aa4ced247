# SPDX-License-Identifier: Apache-2.0
"""Report how a run ended: rows for a table, a verdict, plain data.

The table is not prettytable's: that pads the last column, and a message of
some length then wraps every row of a terminal.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from virtmanclient.openstack.request_state import Record, State

COLUMNS = ("server", "host", "result", "requested", "done", "message")


def values(record: Record) -> tuple[object, ...]:
    """Return a record's values for ``COLUMNS``, times since the run began.

    An unknown value is an empty text.
    """
    return (
        record.request.name,
        record.host or record.request.host or "",
        str(record.state),
        "" if record.requested is None else round(record.requested, 1),
        "" if record.done is None else round(record.done, 1),
        " ".join(record.message.split()),
    )


def row(record: Record) -> tuple[str, ...]:
    """Return a record's values for ``COLUMNS``, as texts."""
    return tuple(map(str, values(record)))


def table(records: Sequence[Record]) -> str:
    """Return the table of records, one row a server.

    The last column is as wide as its longest cell.
    """
    rows = [COLUMNS, *map(row, records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            # The times, columns 3 and 4, are to the right.
            cell.rjust(width) if number in (3, 4) else cell.ljust(width)
            for number, (cell, width) in enumerate(
                zip(cells, widths, strict=True)
            )
        ).rstrip()
        for cells in rows
    )


def verdict(records: Sequence[Record], seconds: float) -> str:
    """Return the last line: how many servers went well, failed, and so on."""
    count = collections.Counter(record.state for record in records)
    text = f"{count[State.OK]} of {len(records)} servers ok"
    for state in State:
        if count[state] and state is not State.OK:
            text += f", {count[state]} {state}"
    return f"{text}; {seconds:.1f} s"


def data(record: Record) -> dict[str, object]:
    """Return a record's values for JSON; an unknown value is null."""
    return {
        "server": record.request.name,
        "id": record.server or None,
        "host": record.host or record.request.host,
        "line": record.request.line or None,
        "result": str(record.state),
        "requested": _rounded(record.requested),
        "done": _rounded(record.done),
        "message": record.message,
    }


def all_good(records: Sequence[Record]) -> bool:
    """Tell whether all records ended well."""
    return all(record.state is State.OK for record in records)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
