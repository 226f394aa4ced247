# SPDX-License-Identifier: Apache-2.0
"""The answers of a route in OpenAPI, with the texts of the errors."""

from __future__ import annotations

import http
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from volt import exception
from volt.api.route import Route
from volt.api.schemas import root
from volt.api.schemas.common import Schema, kind
from volt.auth.middleware import OPEN
from volt.exception import VoltError

JSON = dict[str, Any]

REQUEST_ID: JSON = {
    "x-openstack-request-id": {
        "description": "Finds the request in the log.",
        "schema": {"type": "string", "pattern": "^req-[0-9a-f-]{36}$"},
    }
}


def responses(path: str, method: str, route: Route) -> JSON:
    """Return all answers of a route by status, errors included."""
    answer: JSON = {
        "description": http.HTTPStatus(route.status).phrase,
        "headers": REQUEST_ID,
    }
    if route.answer is not None and method != "HEAD":
        answer["content"] = {route.content_type: {"schema": route.answer}}
    return {str(route.status): answer} | _errors(
        _possible(path, route), method
    )


def _possible(path: str, route: Route) -> Iterator[type[VoltError]]:
    """Yield the errors with which a route may answer."""
    yield from route.errors
    yield from (
        exception.BadRequest,
        exception.MalformedJSON,
        exception.TooLarge,
        exception.Unavailable,
    )
    if "{" in path or route.query["properties"]:
        yield exception.InvalidPath
    if route.body is not None:
        yield exception.InvalidBody
    if path not in OPEN:
        yield from (exception.Unauthorized, exception.Forbidden)


def _errors(possible: Iterable[type[VoltError]], method: str) -> JSON:
    by_status: dict[int, list[type[VoltError]]] = {}
    for error in possible:
        by_status.setdefault(error.status, []).append(error)
    return {
        str(status): _error(by_status[status], method)
        for status in sorted(by_status)
    }


def _error(errors: list[type[VoltError]], method: str) -> JSON:
    codes = sorted(error.code for error in errors)
    texts = [f"`{error.code}`: {inspect.getdoc(error)}" for error in errors]
    answer: JSON = {
        "description": "\n\n".join(sorted(texts)),
        "headers": REQUEST_ID | _headers(errors),
    }
    if method != "HEAD":
        code = {"properties": {"code": {"enum": codes}}}
        exact = {"properties": {"error": code}}
        answer["content"] = json({"allOf": [root.ERROR, exact]})
    return answer


def _headers(errors: list[type[VoltError]]) -> JSON:
    names = {name for error in errors for name, _ in error.headers}
    return {name: {"schema": kind("string", name)} for name in sorted(names)}


def json(schema: Schema) -> JSON:
    """Return the content object of a schema."""
    return {"application/json": {"schema": schema}}
