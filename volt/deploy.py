# SPDX-License-Identifier: Apache-2.0
"""Puts the application together."""

from volt.api.call import Services
from volt.api.router import Router
from volt.api.routes import ROUTE_DECLARATIONS
from volt.auth.caller import Strategy
from volt.auth.middleware import Door
from volt.middleware import App, Faults, Measure, RequestId, Timekeeper

# The order in which a request passes them, once its time is taken and before
# it comes to the door.  RequestId is outside of all others, so that errors
# have an id, too; Faults is outside of the door, so that a refusal is told in
# JSON like every other error.
MIDDLEWARE = (RequestId, Faults)


def load_app(
    services: Services,
    strategy: Strategy,
    metrics_access: str,
    timekeeper: Timekeeper,
) -> App:
    """Return the WSGI application.

    ``strategy`` says who is let in, ``metrics_access`` who may see the
    figures; ``timekeeper`` hears of each answer.
    """
    router = Router(services, ROUTE_DECLARATIONS)
    application: App = Door(router, strategy, metrics_access)
    for middleware in reversed(MIDDLEWARE):
        application = middleware(application)
    return Measure(application, timekeeper)
