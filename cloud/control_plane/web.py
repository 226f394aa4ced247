# SPDX-License-Identifier: Apache-2.0
"""OpenStack's WSGI applications, each under a gunicorn of its environment."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Mapping

from cloud.daemons import Daemon
from cloud.plan import HOST, Plan

_PATIENCE = 240.0
"""Seconds until an application is imported and listens; seen here: 10, 60
when all were started at once."""


@dataclasses.dataclass(frozen=True)
class App:
    """One WSGI application: its service, its environment, its port.

    :param module: module and name of the application.
    :param environ: what tells it where its configuration is; ``{conf}``
        stands for the folder of that.
    :param argv: the command line that it believes to have; the applications
        parse gunicorn's otherwise.
    """

    service: str
    module: str
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)
    argv: tuple[str, ...] = ()


APPS = {
    app.service: app
    for app in (
        App(
            "keystone",
            "keystone.wsgi.api:application",
            {"OS_KEYSTONE_CONFIG_DIR": "{conf}"},
        ),
        App(
            "glance",
            "glance.wsgi.api:application",
            {"OS_GLANCE_CONFIG_DIR": "{conf}"},
        ),
        App(
            "placement",
            "placement.wsgi.api:application",
            {"OS_PLACEMENT_CONFIG_DIR": "{conf}"},
        ),
        App(
            "nova",
            "nova.wsgi.osapi_compute:application",
            {
                "OS_NOVA_CONFIG_DIR": "{conf}",
                "OS_NOVA_DISABLE_EVENTLET_PATCHING": "true",
            },
        ),
        App(
            "cinder",
            "cinder.wsgi.api:application",
            argv=("cinder-api", "--config-file", "{conf}/cinder.conf"),
        ),
        App(
            "neutron",
            "neutron.wsgi.api:application",
            {
                "OS_NEUTRON_CONFIG_DIR": "{conf}",
                "OS_NEUTRON_CONFIG_FILES": "neutron.conf",
            },
        ),
    )
}


def start(
    plan: Plan, app: App, more: Mapping[str, str] | None = None
) -> Daemon:
    """Start an application; ``ready`` waits for it.

    :param more: goes into its environment, too.
    """
    conf = plan.conf(app.service)
    file = conf / "gunicorn.py"
    argv = [word.format(conf=conf) for word in app.argv]
    file.write_text(
        "import sys\n"
        + (f"sys.argv = {argv!r}\n" if argv else "")
        + f"wsgi_app = {app.module!r}\n"
        f"bind = '{HOST}:{plan.port(app.service)}'\n"
        "workers = 1\nthreads = 8\ntimeout = 300\n"
        "control_socket_disable = True\n"
    )
    environ = {k: v.format(conf=conf) for k, v in app.environ.items()}
    return Daemon(
        f"{app.service}-api",
        # No options: the applications would take them for theirs.
        [plan.program(app.service, "gunicorn")],
        plan.log(f"{app.service}-api"),
        env=environ
        | dict(more or {})
        | {
            "GUNICORN_CMD_ARGS": f"-c {file}",
            "PYTHONWARNINGS": "ignore",
        },
    )


def ready(plan: Plan, service: str, daemon: Daemon) -> None:
    """Wait until the application answers.

    :raises CloudError: it ended, or does not in time.
    """
    port = plan.port(service)
    daemon.wait_until(lambda: answers(port), _PATIENCE)


def answers(port: int) -> bool:
    """Tell whether an HTTP server answers at a port, be it with an error."""
    try:
        with socket.create_connection((HOST, port), 5) as caller:
            # The application is imported at the first request, or before.
            caller.settimeout(_PATIENCE)
            caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return caller.recv(5) == b"HTTP/"
    except OSError:
        return False
