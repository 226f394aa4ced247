# SPDX-License-Identifier: Apache-2.0
"""Checks values against schemas, with errors of one line.

fastjsonschema makes a function of each schema: to validate a beat costs
some microseconds, a sixtieth of what an interpreter of schemas needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import fastjsonschema

from volt.api.schemas.common import IDENTIFIERS, Schema
from volt.exception import InvalidBody, InvalidPath

Check = Callable[[Any], Any]
Reader = Callable[[Mapping[str, str]], dict[str, Any]]
SHOWN = 120
"""Characters of a reason that a message repeats."""


def body(schema: Schema) -> Check:
    """Return a check of bodies that raises ``InvalidBody``."""
    matches = fastjsonschema.compile(schema, use_default=False)

    def check(value: Any) -> None:
        try:
            matches(value)
        except fastjsonschema.JsonSchemaValueException as error:
            where = ".".join(error.path[1:]) or "the body"
            raise InvalidBody(f"{where}: {_reason(error)}") from error

    return check


def parameters(schema: Schema) -> Reader:
    """Return a reader of query parameters that raises ``InvalidPath``.

    Numbers are written in decimal digits; a missing parameter gets the
    schema's default, if it has one.  An unknown name is refused, unlike in a
    body: it is a typing error, and the caller would think that it worked.
    """
    schemas: Mapping[str, Schema] = schema["properties"]
    matches = fastjsonschema.compile(schema)

    def read(given: Mapping[str, str]) -> dict[str, Any]:
        for name in given.keys() - schemas.keys():
            names = " and ".join(schemas) or "nothing"
            raise InvalidPath(
                f"{name[:SHOWN]} in the query: this route takes {names}"
            )
        values = {name: _value(given[name], schemas[name]) for name in given}
        try:
            matches(values)
        except fastjsonschema.JsonSchemaValueException as error:
            where = " ".join([*error.path[1:], "in the query"])
            raise InvalidPath(f"{where}: {_reason(error)}") from error
        return values

    return read


def identifiers(values: dict[str, str]) -> None:
    """Check the identifiers in a path; raise ``InvalidPath`` for a bad one."""
    for name, value in values.items():
        try:
            _IDENTIFIERS[name](value)
        except fastjsonschema.JsonSchemaValueException as error:
            raise InvalidPath(
                f"{name} in the path: {_reason(error)}"
            ) from error


def _value(text: str, schema: Schema) -> int | bool | str:
    """Return a text as the number or truth value that its schema wants."""
    wanted = schema.get("type")
    # No schema allows a number of more digits.
    if wanted == "integer" and re.fullmatch("-?[0-9]{1,30}", text, re.ASCII):
        return int(text)
    if wanted == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _reason(error: fastjsonschema.JsonSchemaValueException) -> str:
    """Return the reason for people, without patterns and long values."""
    definition, rule = error.definition, error.rule
    if rule in ("pattern", "not", "anyOf") and "title" in definition:
        return f"is not {definition['title']}"
    if rule == "required":
        missing = sorted({*definition[rule]} - {*error.value})
        return f"needs {', '.join(missing)}"
    if rule == "maxLength":
        return f"is longer than {definition[rule]} characters"
    message: str = error.message.removeprefix(error.name).strip()
    return message[:SHOWN]


_IDENTIFIERS = {
    name: fastjsonschema.compile(schema)
    for name, schema in IDENTIFIERS.items()
}
