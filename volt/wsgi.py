# SPDX-License-Identifier: Apache-2.0
"""``volt.wsgi:application`` for any WSGI server.

It reads the file that VOLT_CONF names, else /etc/volt/volt.conf.  Errors in
that are raised when the server loads the application.  The service is built
with the first request, in the process that serves it, because a server may
fork after it has loaded the application, and neither connections of a
database nor threads may be shared over a fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

from oslo_config import cfg

from volt import compose, conf


class Application:
    """The application, which builds the service in each serving process."""

    def __init__(self, options: cfg.ConfigOpts) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._service: compose.Service | None = None
        self._process = 0

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Serve one request."""
        return self._composed().application(environ, start)

    def _composed(self) -> compose.Service:
        with self._lock:
            if self._service is None or self._process != os.getpid():
                self._service = compose.compose(self._options)
                self._process = os.getpid()
                self._service.evictor.start()
            return self._service


def init_application() -> Application:
    """Return the configured application; raise ``ConfigError``."""
    path = os.environ.get("VOLT_CONF", conf.DEFAULT_FILE)
    options = conf.new()
    conf.load(options, [f"--config-file={path}"])
    compose.prepare(options)
    return Application(options)


def __getattr__(name: str) -> Any:
    """Build ``application`` when a server asks for it, not on import."""
    if name == "application":
        return init_application()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
