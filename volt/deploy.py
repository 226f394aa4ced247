# SPDX-License-Identifier: Apache-2.0
"""Builds the WSGI application: router, admission, middleware."""

from __future__ import annotations

from volt.api.call import Services
from volt.api.router import Router
from volt.api.routes import ROUTE_DECLARATIONS
from volt.auth.caller import Strategy
from volt.auth.middleware import Authentication
from volt.middleware import App, Faults, Measure, RequestId, Timekeeper

# The order in which a request passes them, after Measure and before
# Authentication.
# RequestId is outermost, so that errors have an id, too; Faults is outside of
# Authentication, so that a refusal is JSON like every other error.
MIDDLEWARE = (RequestId, Faults)


def load_app(
    services: Services,
    strategy: Strategy,
    metrics_access: str,
    timekeeper: Timekeeper,
) -> App:
    """Return the WSGI application.

    ``strategy`` admits callers, ``metrics_access`` decides which of them may
    read the metrics; ``timekeeper`` is called with each answer.
    """
    router = Router(services, ROUTE_DECLARATIONS)
    application: App = Authentication(router, strategy, metrics_access)
    for middleware in reversed(MIDDLEWARE):
        application = middleware(application)
    return Measure(application, timekeeper)
