# SPDX-License-Identifier: Apache-2.0
"""What one method of one path takes, in the words of OpenAPI."""

import inspect
from collections.abc import Iterator
from typing import Any

from volt.api.openapi import answers
from volt.api.route import Route
from volt.api.schemas.common import IDENTIFIERS, Schema
from volt.auth.middleware import METRICS, OPEN

JSON = dict[str, Any]


def operation(path: str, method: str, route: Route) -> JSON:
    """Return what is told of one route, in its handler's words."""
    told = inspect.getdoc(route.handler) or ""
    summary, _, description = told.partition("\n")
    found: JSON = {
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "summary": summary,
        "parameters": [*_identifiers(path), *_parameters(route.query)],
        "responses": answers.responses(path, method, route),
    }
    if description:
        found["description"] = description.strip()
    if path in OPEN:
        found["security"] = []
    elif path == METRICS:
        # The operator says for whom.
        found["security"] = [{}, {"token": []}]
    if route.body is not None:
        found["requestBody"] = {
            "required": "required" in route.body,
            "content": answers.json(route.body),
        }
    return found


def _identifiers(path: str) -> Iterator[JSON]:
    for name, schema in IDENTIFIERS.items():
        if f"{{{name}}}" in path:
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "schema": schema,
            }


def _parameters(query: Schema) -> Iterator[JSON]:
    for name, schema in query["properties"].items():
        yield {
            "name": name,
            "in": "query",
            "required": name in query.get("required", ()),
            "schema": schema,
            "description": schema.get("description", schema.get("title")),
        }
