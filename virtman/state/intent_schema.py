# SPDX-License-Identifier: Apache-2.0
"""The schema of an intent's file (JSON Schema, draft 7), and its version.

The version is for readers: one that does not know it must not guess.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fastjsonschema

from virtman.path import CONNECTIONS_MAX

VERSION = 1

_TEXT = {"type": "string", "minLength": 1, "maxLength": 4096}
_TEXT_OR_NONE = {"oneOf": [_TEXT, {"type": "null"}]}
_FLAG = {"type": "boolean"}


def _object(**fields: Any) -> dict[str, Any]:
    """Return the schema of an object with these fields and no others."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


_SOURCE = _object(
    host=_TEXT,
    port={"type": "integer", "minimum": 1, "maximum": 65535},
    iqn=_TEXT,
    lun={"type": "integer", "minimum": 0},
)
# Only where a target asks for it, so that older agents read the others.
_LOGIN = _object(user=_TEXT, secret=_TEXT)
_SOURCE["properties"]["login"] = _LOGIN
_SOURCES = {"type": "array", "items": _SOURCE, "maxItems": CONNECTIONS_MAX}
_FACTS = _object(
    sectors={"type": "integer", "minimum": 1},
    generation={"type": "string"},
    serial={"type": "string"},
    digest=_TEXT_OR_NONE,
)
_FACTS_OR_NONE = {"oneOf": [_FACTS, {"type": "null"}]}


def _instance(**fields: Any) -> dict[str, Any]:
    schema = _kind("instance", **fields)
    # Only where the store is a volume, so that older agents read the others.
    schema["properties"] |= {
        "remote": _SOURCE,
        "serial": {"type": "string"},
        "blank": _FLAG,
    }
    return schema


def _store(**fields: Any) -> dict[str, Any]:
    schema = _kind("store", **fields)
    schema["properties"]["login"] = _LOGIN
    return schema


def _kind(name: str, **fields: Any) -> dict[str, Any]:
    return _object(
        version={"const": VERSION},
        kind={"const": name},
        name=_TEXT,
        leaving=_FLAG,
        **fields,
    )


SCHEMA = {
    "oneOf": [
        _instance(
            image=_TEXT,
            connections=_SOURCES,
            device=_TEXT_OR_NONE,
            file=_TEXT_OR_NONE,
            facts=_FACTS_OR_NONE,
            fresh=_FLAG,
            active=_FLAG,
        ),
        _kind("image", connections=_SOURCES, facts=_FACTS_OR_NONE),
        _kind("target", iqn=_TEXT, file=_TEXT, device=_TEXT, facts=_FACTS),
        _store(iqn=_TEXT, file=_TEXT, initiator=_TEXT),
    ]
}


@functools.cache
def _validate() -> Callable[[Any], Any]:
    validator: Callable[[Any], Any] = fastjsonschema.compile(SCHEMA)
    return validator


def check(fields: Any) -> None:
    """Raise ValueError unless a value is an intent of a known version."""
    version = fields.get("version") if isinstance(fields, dict) else None
    if version != VERSION:
        raise ValueError(f"its version is {version!r}; known is {VERSION}")
    try:
        _validate()(fields)
    except fastjsonschema.JsonSchemaException as error:
        raise ValueError(error.message) from None
