# SPDX-License-Identifier: Apache-2.0
"""All services of the control plane, up and down in order."""

from __future__ import annotations

import concurrent.futures
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from cloud.control_plane import catalog, ini, servers, settings, web
from cloud.daemons import Daemon, run
from cloud.plan import REGION, Plan

FILES: dict[str, tuple[str, Callable[[Plan], settings.Sections]]] = {
    "keystone": ("keystone.conf", settings.keystone),
    "glance": ("glance-api.conf", settings.glance),
    "placement": ("placement.conf", settings.placement),
    "nova": ("nova.conf", settings.nova),
    "cinder": ("cinder.conf", settings.cinder),
    "neutron": ("neutron.conf", settings.neutron),
}
# What waits on the broker beside the applications of the web.
_WORKERS = (
    ("nova", "nova-conductor"),
    ("nova", "nova-scheduler"),
    ("cinder", "cinder-scheduler"),
)


class ControlPlane:
    """The services of one plan; this process is in the cluster's network."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._daemons: dict[str, Daemon] = {}

    def configure(self) -> None:
        """Write the configuration of every service."""
        for service, (name, sections) in FILES.items():
            folder = self._plan.conf(service)
            ini.write(folder / name, sections(self._plan))
        # Nova looks for it beside its own file.
        paste = self._plan.venv("nova") / "etc" / "nova" / "api-paste.ini"
        shutil.copy(paste, self._plan.conf("nova"))

    def start(self) -> None:
        """Start all services, on empty databases; return when all answer.

        :raises CloudError: names what does not come up, with its last words.
        """
        plan = self._plan
        self.keep(servers.mariadb(plan), *servers.rabbitmq(plan))
        self._say("MariaDB and RabbitMQ answer")
        _side_by_side(
            self._keystone,
            lambda: self._manage("glance", "glance-manage", "db_sync"),
            lambda: self._manage("placement", "placement-manage", "db sync"),
            self._nova,
            lambda: self._manage("cinder", "cinder-manage", "db sync"),
            lambda: self._manage(
                "neutron", "neutron-db-manage", "upgrade heads"
            ),
        )
        self._web("keystone")
        catalog.accounts(plan, catalog.client(plan, "admin"))
        self._say("databases are made, keystone answers")
        self._web(*(name for name in web.APPS if name != "keystone"))
        for service, name in _WORKERS:
            self.start_worker(service, name)
        # Another client: the first has no catalogue with these services.
        catalog.resources(catalog.client(plan, "admin"))
        self._say("all services answer")

    def start_worker(
        self, service: str, name: str, options: Sequence[str] = ()
    ) -> Daemon:
        """Start a program of a service that waits on the broker."""
        daemon = Daemon(
            name,
            [
                self._plan.program(service, name),
                "--config-file",
                self._file(service),
                *options,
            ],
            self._plan.log(name),
            env={
                "PYTHONWARNINGS": "ignore",
                "OS_NOVA_DISABLE_EVENTLET_PATCHING": "true",
            },
        )
        self.keep(daemon)
        return daemon

    def stop(self) -> None:
        """End all services, the servers last."""
        for daemon in reversed(self._daemons.values()):
            daemon.stop()
        self._daemons.clear()

    def stop_one(self, name: str) -> None:
        """End one daemon."""
        self._daemons.pop(name).stop()

    def restart_broker(self) -> None:
        """Start RabbitMQ again, after ``stop_one``."""
        self.stop_one("epmd")
        self.keep(*servers.rabbitmq(self._plan))

    def alive(self) -> dict[str, bool]:
        """Return for each daemon whether it runs."""
        return {name: daemon.alive() for name, daemon in self._daemons.items()}

    def _keystone(self) -> None:
        users = ["--keystone-user", "root", "--keystone-group", "root"]
        manage = ["keystone", "keystone-manage"]
        self._manage(*manage, "db_sync")
        self._manage(*manage, "fernet_setup", *users)
        self._manage(*manage, "credential_setup", *users)
        url = self._plan.url("keystone")
        self._manage(
            *manage,
            "bootstrap",
            *("--bootstrap-public-url", url),
            *("--bootstrap-internal-url", url),
            *("--bootstrap-admin-url", url),
            *("--bootstrap-region-id", REGION),
            # Command lines are everybody's to read.
            OS_BOOTSTRAP_PASSWORD=self._plan.password("admin"),
        )

    def _nova(self) -> None:
        for words in (
            "api_db sync",
            "cell_v2 map_cell0",
            "db sync",
            "cell_v2 create_cell --name=cell1",
        ):
            self._manage("nova", "nova-manage", words)

    def _manage(
        self, service: str, program: str, words: str, *more: str, **env: str
    ) -> None:
        file = self._file(service)
        run(
            f"{program} {words}",
            [
                self._plan.program(service, program),
                "--config-file",
                file,
                *words.split(),
                *more,
            ],
            env={
                "PYTHONWARNINGS": "ignore",
                "OS_PLACEMENT_CONFIG_DIR": str(file.parent),
                **env,
            },
        )

    def _web(self, *services: str) -> None:
        """Start applications at once; wait for all."""
        started = [
            (name, web.start(self._plan, web.APPS[name])) for name in services
        ]
        self.keep(*(daemon for _, daemon in started))
        for name, daemon in started:
            web.ready(self._plan, name, daemon)

    def _file(self, service: str) -> Path:
        return self._plan.conf(service) / FILES[service][0]

    def keep(self, *daemons: Daemon) -> None:
        """Add daemons to those that :meth:`stop` ends."""
        self._daemons |= {daemon.name: daemon for daemon in daemons}


def _side_by_side(*works: Callable[[], None]) -> None:
    """Run functions side by side; raise the first failure."""
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()
