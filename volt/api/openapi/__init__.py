# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document of the API, made of the table of routes.

Requests are checked against the schemas that it shows, and its texts are the
docstrings of the handlers and the errors, so it cannot lag behind them.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from volt.api.openapi.names import components, referring
from volt.api.openapi.operations import operation
from volt.api.route import Table

DESCRIPTION = """
Tells each compute node from which nodes it reads an image.  Bodies are JSON,
whatever their Content-Type says, and a GET may have one.  Unknown names are
ignored in a body and refused in a query.  Bodies have 64 KiB at most.
"""


class Document:
    """The document of a table of routes, made at the first request for it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def text(self) -> bytes:
        """Return the document as JSON."""
        return self._text

    @functools.cached_property
    def _text(self) -> bytes:
        return json.dumps(document(self._table)).encode()


def document(table: Table) -> dict[str, Any]:
    """Return the document that describes these routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "volt, the coordinator of VMThunder",
            "version": "1.0",
            "description": DESCRIPTION.strip(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": referring(
            {
                path: {
                    method.lower(): operation(path, method, route)
                    for method, route in table[path].items()
                }
                for path in table
            }
        ),
        "components": {
            "schemas": components(),
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Auth-Token",
                }
            },
        },
    }
