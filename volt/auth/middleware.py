# SPDX-License-Identifier: Apache-2.0
"""Has the strategy identify the caller, once a request."""

from __future__ import annotations

from collections.abc import Iterable

from vmthunder.addresses import is_loopback
from volt import request
from volt.auth.caller import Anybody, Environ, Strategy
from volt.middleware import App, Start

OPEN = frozenset({"/", "/v1", "/v1/", "/healthz", "/openapi.json"})
"""Paths that need no credentials: the versions, the API document, and the
health, for probes that have none."""
LOCAL, ALL, ADMITTED = "local", "all", "admitted"
FORWARDED = frozenset({"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR"})
METRICS = "/metrics"
"""The operator decides who may read it, since it names the volumes."""


class Authentication:
    """Lets only admitted callers reach the rest of the application."""

    def __init__(
        self, app: App, strategy: Strategy, metrics: str = LOCAL
    ) -> None:
        """Open ``/metrics`` to LOCAL callers, ALL, or those ADMITTED."""
        self._app = app
        self._strategy = strategy
        self._metrics = metrics

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Note the caller in ``environ``, or raise the error of a refusal."""
        # The raw path, which the router looks up too, not the one that the
        # server decoded: a difference would open a closed path.
        if self._is_open(request.raw_path(environ), environ):
            environ["volt.caller"] = Anybody()
        else:
            environ["volt.caller"] = self._strategy.admit(environ)
        return self._app(environ, start)

    def _is_open(self, path: str, environ: Environ) -> bool:
        if path != METRICS or self._metrics == ADMITTED:
            return path in OPEN
        return self._metrics == ALL or _is_local(environ)


def _is_local(environ: Environ) -> bool:
    """Return whether the caller is on volt's own host and not a proxy."""
    proxied = not FORWARDED.isdisjoint(environ)
    return is_loopback(environ.get("REMOTE_ADDR", "")) and not proxied
