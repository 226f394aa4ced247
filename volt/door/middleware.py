# SPDX-License-Identifier: Apache-2.0
"""Puts the question who calls to the strategy, once a request."""

from collections.abc import Iterable

from volt import request
from volt.door.caller import Anybody, Environ, Strategy
from volt.middleware import App, Start

OPEN = frozenset({'/', '/v1', '/v1/', '/healthz', '/metrics', '/openapi.json'})
"""Paths for everybody: which versions there are, whether volt is well, and
figures in which no image is named, for probes that have no credentials."""


class Door:
    """Keeps the rest of the application from whom it does not know."""

    def __init__(self, app: App, strategy: Strategy) -> None:
        self._app = app
        self._strategy = strategy

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Note who calls, or raise what the caller is told."""
        # The path that the router will look up, not the one that the
        # server decoded: they must not be two.
        if request.raw_path(environ) in OPEN:
            environ['volt.caller'] = Anybody()
        else:
            environ['volt.caller'] = self._strategy.admit(environ)
        return self._app(environ, start)
