# SPDX-License-Identifier: Apache-2.0
"""The schema of each verb's arguments (JSON Schema, draft 7).

The form of a name is defined once, in :mod:`virtman.names`; the schemas have
types and lengths, so that no value of another shape gets that far.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import fastjsonschema

from virtman.exception import InvalidRequest

_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_PATH = {"type": "string", "minLength": 1, "maxLength": 4096}
_PATH_OR_NONE = {"oneOf": [_PATH, {"type": "null"}]}
_CONNECTION = {
    "type": "object",
    "required": ["target_portal", "target_iqn", "target_lun"],
    "properties": {
        "target_portal": _TEXT,
        "target_iqn": _TEXT,
        "target_lun": {"type": ["integer", "string"]},
    },
}


def _takes(*optional: str, **fields: Any) -> dict[str, Any]:
    """Return the schema of an object with these fields and no others."""
    return {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


SCHEMAS: Mapping[str, dict[str, Any]] = {
    "create": _takes(
        "connections",
        "store",
        "keep",
        instance=_TEXT,
        image=_TEXT,
        connections={
            "type": "array",
            "items": _CONNECTION,
            "maxItems": 64,
        },
        store={"oneOf": [_PATH, _CONNECTION, {"type": "null"}]},
        keep={"type": ["boolean", "null"]},
    ),
    "deactivate": _takes(instance=_TEXT),
    "destroy": _takes(instance=_TEXT),
    "instances": _takes(),
    "images": _takes(),
    "create_target": _takes(
        "loop",
        "iqn_prefix",
        image=_TEXT,
        file=_PATH,
        loop=_PATH_OR_NONE,
        iqn_prefix=_TEXT,
    ),
    "delete_target": _takes(image=_TEXT),
    "targets": _takes(),
    "open_store": _takes(
        "new",
        store=_TEXT,
        sectors={"type": "integer"},
        initiator=_TEXT,
        new={"type": "boolean"},
    ),
    "delete_store": _takes(store=_TEXT),
    "stores": _takes(),
    "room": _takes(),
    "working": _takes(),
}


def check(verb: str, arguments: Any) -> None:
    """Check the arguments of a verb against its schema.

    :raises InvalidRequest: there is no such verb, or they do not fit.
    """
    if verb not in SCHEMAS:
        verbs = ", ".join(SCHEMAS)
        raise InvalidRequest(f"unknown verb {verb[:40]!r}; verbs: {verbs}")
    try:
        _validator(verb)(arguments)
    except fastjsonschema.JsonSchemaValueException as error:
        reason = error.message.removeprefix("data").strip(" .")
        raise InvalidRequest(f"{verb}: {reason[:200]}") from None


@functools.cache
def _validator(verb: str) -> Callable[[Any], Any]:
    validator: Callable[[Any], Any] = fastjsonschema.compile(SCHEMAS[verb])
    return validator
