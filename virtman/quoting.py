# SPDX-License-Identifier: Apache-2.0
"""How messages show what a caller has sent: on one line, and not all of it."""

from __future__ import annotations

_MOST = 64
_KINDS: dict[type, str] = {
    bytes: "bytes",
    list: "a list",
    tuple: "a list",
    dict: "a struct",
}


def quoted(value: object) -> str:
    """Return a text in quotes, a number as it is, of all else what it is.

    A text is cut after 64 characters, and what cannot be printed is written
    as Python would.
    """
    if isinstance(value, str):
        cut = value[:_MOST]
        return repr(cut) + ("..." if len(value) > _MOST else "")
    if value is None or isinstance(value, int | float):
        return f"{value!s:.{_MOST}}"
    return _KINDS.get(type(value), "something else")
