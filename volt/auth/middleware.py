# SPDX-License-Identifier: Apache-2.0
"""Puts the question who calls to the strategy, once a request."""

from collections.abc import Iterable

from volt import request
from volt.auth.caller import Anybody, Environ, Strategy
from volt.middleware import App, Start
from volt.request import is_loopback

OPEN = frozenset({"/", "/v1", "/v1/", "/healthz", "/openapi.json"})
"""Paths for everybody: which versions there are, what they look like, and
whether volt is well, for probes that have no credentials."""
LOCAL, ALL, ADMITTED = "local", "all", "admitted"
FORWARDED = frozenset({"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR"})
METRICS = "/metrics"
"""For whom the operator says, since it names the volumes."""


class Door:
    """Keeps the rest of the application from whom it does not know."""

    def __init__(
        self, app: App, strategy: Strategy, metrics: str = LOCAL
    ) -> None:
        """Open ``/metrics`` to LOCAL callers, ALL, or those ADMITTED."""
        self._app = app
        self._strategy = strategy
        self._metrics = metrics

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Note who calls, or raise what the caller is told."""
        # The path that the router will look up, not the one that the
        # server decoded: they must not be two.
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
    """Whether the caller is on volt's own host, and not a proxy there."""
    proxied = not FORWARDED.isdisjoint(environ)
    return is_loopback(environ.get("REMOTE_ADDR", "")) and not proxied
