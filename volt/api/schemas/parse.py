# SPDX-License-Identifier: Apache-2.0
"""Parses the bytes of a body into a JSON object.

Python's parser accepts more than JSON (NaN), keeps the last of two values
with one name, and returns halves of UTF-16 pairs that no database stores.
A body that two programs may understand differently is refused instead.
"""

from __future__ import annotations

import collections
import json
import re
from typing import Any, NoReturn

from volt.exception import MalformedJSON

SHOWN = 60
"""Characters of a name that a message repeats."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse(raw: bytes) -> dict[str, Any]:
    """Return the object that a body holds; an empty body holds {}."""
    if not raw.strip():
        return {}
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise MalformedJSON("Malformed JSON in request body.") from error
    if not isinstance(value, dict):
        raise MalformedJSON("The request body is not a JSON object.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        twice, _ = counts.most_common(1)[0]
        raise MalformedJSON(
            f"Malformed JSON in request body: {twice[:SHOWN]} occurs twice."
        )
    return values


def _no_number(name: str) -> NoReturn:
    raise MalformedJSON(
        f"Malformed JSON in request body: {name} is not a number."
    )
