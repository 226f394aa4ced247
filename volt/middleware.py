# SPDX-License-Identifier: Apache-2.0
"""The WSGI middleware of every request: time, request id, errors."""

from __future__ import annotations

import http
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from volt.exception import VoltError

LOG = logging.getLogger(__name__)

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]


Timekeeper = Callable[[str | None, str, str, float], None]
"""Called with each answer: route, method, status and seconds."""


class Measure:
    """Measures the time of each request."""

    def __init__(self, app: App, timekeeper: Timekeeper) -> None:
        self._app = app
        self._timekeeper = timekeeper

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Serve a request; report the time until its answer began."""
        began = time.perf_counter()

        def timed(status: str, headers: list[Any], *more: Any) -> Any:
            self._timekeeper(
                environ.get("volt.route"),
                environ["REQUEST_METHOD"],
                status,
                time.perf_counter() - began,
            )
            return start(status, headers, *more)

        return self._app(environ, timed)


class RequestId:
    """Gives each request an id, for the answer and the log."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Serve a request; add its id to the answer, and log one line."""
        name = environ["volt.request_id"] = f"req-{uuid.uuid4()}"
        began = time.monotonic()

        def named(status: str, headers: list[Any], *more: Any) -> Any:
            LOG.debug(
                "%s %s %s %s %s %.1f ms",
                name,
                environ.get("REMOTE_ADDR"),
                environ["REQUEST_METHOD"],
                ascii(environ.get("PATH_INFO")),
                status,
                (time.monotonic() - began) * 1000,
            )
            headers = [*headers, ("x-openstack-request-id", name)]
            return start(status, headers, *more)

        return self._app(environ, named)


class Faults:
    """Turns every exception into an answer with a JSON error."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Serve a request, or answer with its error."""
        try:
            return self._app(environ, start)
        except VoltError as error:
            return self._say(error, environ, start)
        except Exception:
            LOG.exception("%s failed", environ["volt.request_id"])
            unknown = VoltError(
                "volt failed on this request; see the request id in its log"
            )
            return self._say(unknown, environ, start)

    def _say(
        self, error: VoltError, environ: Environ, start: Start
    ) -> Iterable[bytes]:
        title = http.HTTPStatus(error.status).phrase
        fields = {
            "code": error.code,
            "title": title,
            "message": str(error),
            "request_id": environ["volt.request_id"],
        }
        body = json.dumps({"error": fields}).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *error.headers,
        ]
        start(f"{error.status} {title}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
