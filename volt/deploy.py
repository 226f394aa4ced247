# SPDX-License-Identifier: Apache-2.0
"""Puts the application together."""

from volt.call import Services
from volt.handler import Router
from volt.middleware import App, Door, Faults, RequestId

# The order in which a request passes them.  RequestId is the outermost, so
# that errors have an id, too; Faults is outside of the door, so that a
# refusal is told in JSON like every other error.
MIDDLEWARE = (RequestId, Faults, Door)


def load_app(services: Services, token: str | None) -> App:
    """Return the WSGI application; ``token`` None lets everybody in."""
    application: App = Router(services)
    for middleware in reversed(MIDDLEWARE):
        application = middleware(application, token)
    return application
