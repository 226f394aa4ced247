# SPDX-License-Identifier: Apache-2.0
"""What a route takes, what it answers, and who does it.

The schemas of a route are what its requests are held against and what the
API document tells: they cannot differ.
"""

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
        """Declare it; ``answer`` None is an empty one.

        ``errors`` are those of this route alone: that a request cannot be
        understood, for one, any route may say.
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
