# SPDX-License-Identifier: Apache-2.0
"""Holds values against schemas, and says in one line what is wrong.

fastjsonschema makes a function of each schema: to validate a beat costs
some microseconds, a sixtieth of what an interpreter of schemas needs.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import fastjsonschema

from volt.exception import InvalidBody, InvalidPath, MalformedJSON
from volt.schemas.common import PEER_ID, VOLUME_ID, Schema

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
            where = '.'.join(error.path[1:]) or 'the body'
            raise InvalidBody(f"{where}: {_reason(error)}") from error

    return check


def parameters(schema: Schema) -> Reader:
    """Return what reads query parameters, or raises ``InvalidPath``.

    Numbers are written in decimal digits; what is not given has the
    schema's default, if there is one; what nobody knows is left out.
    """
    known: Mapping[str, Schema] = schema['properties']
    matches = fastjsonschema.compile(schema)

    def read(given: Mapping[str, str]) -> dict[str, Any]:
        values = {
            name: _value(given[name], known[name])
            for name in known.keys() & given.keys()
        }
        try:
            matches(values)
        except fastjsonschema.JsonSchemaValueException as error:
            where = ' '.join([*error.path[1:], 'in the query'])
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


def parse(raw: bytes) -> dict[str, Any]:
    """Return the object that a body holds; nothing is an empty one."""
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw.decode('utf-8'))
    except (ValueError, RecursionError) as error:
        raise MalformedJSON("Malformed JSON in request body.") from error
    if not isinstance(value, dict):
        raise MalformedJSON("The request body is not a JSON object.")
    return value


def _value(text: str, schema: Schema) -> int | bool | str:
    """Return the number or truth value that a text is, if it must be one."""
    wanted = schema.get('type')
    # More digits than any number we take are no number worth converting.
    if wanted == 'integer' and re.fullmatch('-?[0-9]{1,30}', text, re.ASCII):
        return int(text)
    if wanted == 'boolean':
        return {'true': True, 'false': False}.get(text.lower(), text)
    return text


def _reason(error: fastjsonschema.JsonSchemaValueException) -> str:
    """Say it for people: patterns and long values are no help to them."""
    definition, rule = error.definition, error.rule
    if rule in ('pattern', 'not', 'anyOf') and 'title' in definition:
        return f"is not {definition['title']}"
    if rule == 'required':
        missing = sorted({*definition[rule]} - {*error.value})
        return f"needs {', '.join(missing)}"
    if rule == 'maxLength':
        return f"is longer than {definition[rule]} characters"
    message: str = error.message.removeprefix(error.name).strip()
    return message[:SHOWN]


_IDENTIFIERS = {
    name: fastjsonschema.compile(schema)
    for name, schema in (
        ('volume_id', VOLUME_ID),
        ('image_id', VOLUME_ID),
        ('peer_id', PEER_ID),
    )
}
