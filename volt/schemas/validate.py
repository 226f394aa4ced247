# SPDX-License-Identifier: Apache-2.0
"""Holds values against schemas, and says in one line what is wrong."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from volt.exception import InvalidBody, InvalidPath, MalformedJSON
from volt.schemas.common import PEER_ID, VOLUME_ID, Schema

Check = Callable[[Any], None]
Reader = Callable[[Mapping[str, str]], dict[str, Any]]
SHOWN = 60
"""Characters of a wrong value that a message repeats."""


def body(schema: Schema) -> Check:
    """Return a check that raises ``InvalidBody``."""
    validator = Draft202012Validator(schema)

    def check(value: Any) -> None:
        error = best_match(validator.iter_errors(value))
        if error is not None:
            where = '.'.join(str(step) for step in error.absolute_path)
            raise InvalidBody(f"{where or 'the body'}: {_reason(error)}")

    return check


def parameters(schema: Schema) -> Reader:
    """Return what reads query parameters, or raises ``InvalidPath``.

    Numbers are written in decimal digits; what is not given has the
    schema's default, if there is one; what nobody knows is ignored.
    """
    known: Mapping[str, Schema] = schema['properties']
    validator = Draft202012Validator(schema)
    defaults = {
        name: known[name]['default']
        for name in known
        if 'default' in known[name]
    }

    def read(given: Mapping[str, str]) -> dict[str, Any]:
        values = {
            name: _number(given[name], known[name])
            for name in known.keys() & given
        }
        error = best_match(validator.iter_errors(values))
        if error is not None:
            name = error.absolute_path[0]
            raise InvalidPath(f"{name} in the query: {_reason(error)}")
        return defaults | values

    return read


def identifiers(values: dict[str, str]) -> None:
    """Check the identifiers in a path; raise ``InvalidPath``."""
    for name, value in values.items():
        error = best_match(_IDENTIFIERS[name].iter_errors(value))
        if error is not None:
            raise InvalidPath(f"{name} in the path: {_reason(error)}")


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


def _number(text: str, schema: Schema) -> int | str:
    """Return the number that a text is, if there has to be one."""
    wanted = schema.get('type') == 'integer'
    # More digits than any number we take are no number worth converting.
    digits = re.fullmatch('-?[0-9]{1,30}', text, re.ASCII)
    return int(text) if wanted and digits else text


def _reason(error: Any) -> str:
    """Say it for people: patterns and long values are no help to them."""
    if error.validator == 'not':
        return "is made of dots, or has control characters or outer blanks"
    if error.validator == 'maxLength':
        return f"is longer than {error.validator_value} characters"
    message: str = error.message
    return message if len(message) < 2 * SHOWN else message[-2 * SHOWN :]


_IDENTIFIERS = {
    name: Draft202012Validator(schema)
    for name, schema in (
        ('volume_id', VOLUME_ID),
        ('image_id', VOLUME_ID),
        ('peer_id', PEER_ID),
    )
}
