# SPDX-License-Identifier: Apache-2.0
"""A route: its handler, and the schemas of its requests and answers.

Requests are checked against the same schemas that the API document shows, so
the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from volt.api.call import Answer, Call
from volt.api.schemas import validate
from volt.api.schemas.common import Schema
from volt.exception import VoltError

Handler = Callable[[Call], Answer]

NOTHING: Schema = {"type": "object", "properties": {}}


class Route:
    """One method of one path."""

    def __init__(
        self,
        handler: Handler,
        answer: Schema | None = None,
        *,
        status: int = 200,
        content_type: str = "application/json",
        query: Schema = NOTHING,
        body: Schema | None = None,
        errors: tuple[type[VoltError], ...] = (),
    ) -> None:
        """Declare a route; ``answer`` None is an empty answer.

        ``errors`` are those of this route alone; errors that every route may
        have, such as ``BadRequest``, are in openapi/answers.py.
        """
        self.handler = handler
        self.answer = answer
        self.status = status
        self.content_type = content_type
        self.query = query
        self.body = body
        self.errors = errors
        self.read_query = validate.parameters(query)
        self.check_body = validate.body(body or {})


Table = Mapping[str, Mapping[str, Route]]
"""By path and method; identifiers stand in braces in a path."""
