# SPDX-License-Identifier: Apache-2.0
"""The same application without a server: what HTTP and sockets add.

It is called in this process, one request after the other.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from typing import Any

from bench.volt.meter import Burst, Meter
from bench.volt.requests import Ask, Reply


class InProcess:
    """Asks a WSGI application; its CPU time is that of the calls alone."""

    def __init__(self, application: Any, token: str) -> None:
        self._application = application
        self._token = token
        self._cpu = 0.0

    def ask(self, asks: Sequence[Ask], connections: int = 1) -> Burst:
        """Send requests, one after the other."""
        meter = Meter(self.cpu_seconds)
        return meter.stop([self._one(ask) for ask in asks])

    def cpu_seconds(self) -> float:
        """Return the CPU time of all calls so far."""
        return self._cpu

    def _one(self, ask: Ask) -> Reply:
        environ = self._environ(ask)
        statuses: list[str] = []

        def start(status: str, headers: Any, *more: Any) -> None:
            statuses.append(status)

        began, spent = time.perf_counter(), time.thread_time()
        body = b"".join(self._application(environ, start))
        self._cpu += time.thread_time() - spent
        seconds = time.perf_counter() - began
        return Reply(ask, int(statuses[0].partition(" ")[0]), body, seconds)

    def _environ(self, ask: Ask) -> dict[str, Any]:
        path, _, query = ask.path.partition("?")
        return {
            "REQUEST_METHOD": ask.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "RAW_PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(ask.raw)),
            "SERVER_NAME": "volt",
            "SERVER_PORT": "7447",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "volt:7447",
            "HTTP_X_AUTH_TOKEN": self._token,
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(ask.raw),
        }
