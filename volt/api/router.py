# SPDX-License-Identifier: Apache-2.0
"""Finds the route of a request, calls its handler, and sends the answer.

The only module that imports the library Routes.
"""

from __future__ import annotations

import http
import json
from typing import Any

import routes

from volt import request
from volt.api.call import Call, Services
from volt.api.route import Route, Table
from volt.api.schemas import validate
from volt.api.schemas.parse import parse
from volt.auth.caller import Caller
from volt.exception import MethodNotAllowed, NotFound


class Router:
    """The WSGI application at the end of the middleware."""

    def __init__(self, services: Services, table: Table) -> None:
        self._services = services
        self._table = table
        self._mapper = _make_map(table)

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        """Serve one request."""
        matched = self._find(environ)
        method, template = environ["REQUEST_METHOD"], matched.pop("route")
        environ["volt.route"] = template
        path = _identifiers(matched)
        caller: Caller = environ["volt.caller"]
        caller.check(method, template, path)
        route = self._table[template][method]
        answer = route.handler(self._call(environ, route, path, caller))
        return _send(route, answer.payload, method, start)

    def _find(self, environ: dict[str, Any]) -> dict[str, Any]:
        """Return the route's path, and identifiers still percent-encoded."""
        path, method = request.raw_path(environ), environ["REQUEST_METHOD"]
        matched: dict[str, Any] | None = self._mapper.match(path, environ)
        if matched:
            return matched
        allowed = [
            other
            for other in ("GET", "HEAD", "PUT", "POST", "DELETE")
            if self._mapper.match(path, environ | {"REQUEST_METHOD": other})
        ]
        if allowed:
            raise MethodNotAllowed(method, path, allowed)
        raise NotFound(
            f"the API has no {path}; see /openapi.json for its paths"
        )

    def _call(
        self,
        environ: dict[str, Any],
        route: Route,
        path: dict[str, str],
        caller: Caller,
    ) -> Call:
        body = parse(request.body(environ))
        route.check_body(body)
        return Call(
            services=self._services,
            path=path,
            query=route.read_query(request.parameters(environ)),
            body=body,
            remote=environ.get("REMOTE_ADDR", ""),
            trusted=caller.trusted,
            origin=_origin(environ),
        )


def _identifiers(matched: dict[str, str]) -> dict[str, str]:
    path = {
        name: request.decoded(value)
        for name, value in matched.items()
        if name != "action"
    }
    validate.identifiers(path)
    return path


def _make_map(table: Table) -> Any:
    mapper = routes.Mapper(
        controller_scan=None, explicit=True, always_scan=False
    )
    mapper.minimization = False
    for path, methods in table.items():
        for method in methods:
            mapper.connect(path, route=path, conditions={"method": [method]})
    mapper.create_regs()
    return mapper


def _send(route: Route, payload: Any, method: str, start: Any) -> list[bytes]:
    """Send an answer; an empty one is called HTML, as the original does."""
    body, kind = b"", "text/html; charset=UTF-8"
    if payload is not None:
        kind = route.content_type
        body = payload if isinstance(payload, bytes) else _json(payload)
    status = f"{route.status} {http.HTTPStatus(route.status).phrase}"
    # A 204 has neither body nor length, by RFC 9110.
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start(status, [] if route.status == 204 else headers)
    return [] if method == "HEAD" else [body]


def _json(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


def _origin(environ: dict[str, Any]) -> str:
    """Return scheme, host and prefix under which the caller reached volt."""
    host = environ.get("HTTP_HOST") or (
        f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    )
    prefix = environ.get("SCRIPT_NAME", "")
    return f"{environ['wsgi.url_scheme']}://{host}{prefix}"
