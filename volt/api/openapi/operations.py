# SPDX-License-Identifier: Apache-2.0
"""One method of one path in OpenAPI: its parameters, body and answers."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from volt.api.openapi import answers
from volt.api.route import Route
from volt.api.schemas.common import IDENTIFIERS, Schema
from volt.auth.middleware import METRICS, OPEN

JSON = dict[str, Any]


def operation(path: str, method: str, route: Route) -> JSON:
    """Return the operation of a route, with its handler's docstring."""
    text = inspect.getdoc(route.handler) or ""
    summary, _, description = text.partition("\n")
    described: JSON = {
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "summary": summary,
        "parameters": [*_identifiers(path), *_parameters(route.query)],
        "responses": answers.responses(path, method, route),
    }
    if description:
        described["description"] = description.strip()
    if path in OPEN:
        described["security"] = []
    elif path == METRICS:
        # metrics_access decides whether a token is needed.
        described["security"] = [{}, {"token": []}]
    if route.body is not None:
        described["requestBody"] = {
            "required": "required" in route.body,
            "content": answers.json(route.body),
        }
    return described


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
