# SPDX-License-Identifier: Apache-2.0
"""Holds values against schemas, and says in one line what is wrong.

fastjsonschema makes a function of each schema: to validate a beat costs
some microseconds, a sixtieth of what an interpreter of schemas needs.
"""

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
    """Return a check that raises ``InvalidBody``."""
    matches = fastjsonschema.compile(schema, use_default=False)

    def check(value: Any) -> None:
        try:
            matches(value)
        except fastjsonschema.JsonSchemaValueException as error:
            where = ".".join(error.path[1:]) or "the body"
            raise InvalidBody(f"{where}: {_reason(error)}") from error

    return check


def parameters(schema: Schema) -> Reader:
    """Return what reads query parameters, or raises ``InvalidPath``.

    Numbers are written in decimal digits; what is not given has the
    schema's default, if there is one.  A name that the route does not have
    is refused, unlike in a body: it is a slip of the pen of somebody who
    would think that it worked.
    """
    known: Mapping[str, Schema] = schema["properties"]
    matches = fastjsonschema.compile(schema)

    def read(given: Mapping[str, str]) -> dict[str, Any]:
        for name in given.keys() - known.keys():
            names = " and ".join(known) or "nothing"
            raise InvalidPath(
                f"{name[:SHOWN]} in the query: this route takes {names}"
            )
        values = {name: _value(given[name], known[name]) for name in given}
        try:
            matches(values)
        except fastjsonschema.JsonSchemaValueException as error:
            where = " ".join([*error.path[1:], "in the query"])
            raise InvalidPath(f"{where}: {_reason(error)}") from error
        return values

    return read


def identifiers(values: dict[str, str]) -> None:
    """Check the identifiers in a path; raise ``InvalidPath``."""
    for name, value in values.items():
        try:
            _IDENTIFIERS[name](value)
        except fastjsonschema.JsonSchemaValueException as error:
            raise InvalidPath(
                f"{name} in the path: {_reason(error)}"
            ) from error


def _value(text: str, schema: Schema) -> int | bool | str:
    """Return the number or truth value that a text is, if it must be one."""
    wanted = schema.get("type")
    # More digits than any number we take are no number worth converting.
    if wanted == "integer" and re.fullmatch("-?[0-9]{1,30}", text, re.ASCII):
        return int(text)
    if wanted == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _reason(error: fastjsonschema.JsonSchemaValueException) -> str:
    """Say it for people: patterns and long values are no help to them."""
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
