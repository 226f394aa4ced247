# SPDX-License-Identifier: Apache-2.0
"""Puts the application together."""

from volt.call import Services
from volt.door.caller import Strategy
from volt.door.middleware import Door
from volt.handler import ROUTE_DECLARATIONS
from volt.middleware import App, Faults, RequestId
from volt.router import Router

# The order in which a request passes them, before the door.  RequestId is
# the outermost, so that errors have an id, too; Faults is outside of the
# door, so that a refusal is told in JSON like every other error.
MIDDLEWARE = (RequestId, Faults)


def load_app(services: Services, strategy: Strategy) -> App:
    """Return the WSGI application; ``strategy`` says who is let in."""
    application: App = Door(Router(services, ROUTE_DECLARATIONS), strategy)
    for middleware in reversed(MIDDLEWARE):
        application = middleware(application)
    return application
