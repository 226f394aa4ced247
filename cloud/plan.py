# SPDX-License-Identifier: Apache-2.0
"""The run's folders, addresses, ports and passwords."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
HOST = "10.77.0.254"
"""The host's end of the lab's network (lab.cluster); nodes are .1 and on."""
REGION = "RegionOne"
# Service: its port and what stands behind the port in its catalogue's URL.
_WEB = {
    "keystone": (5000, "/v3"),
    "glance": (9292, ""),
    "placement": (8778, ""),
    "nova": (8774, "/v2.1"),
    "cinder": (8776, "/v3"),
    "neutron": (9696, ""),
    "horizon": (8000, "/"),
}
_SQL_PORT, _AMQP_PORT = 3306, 5672
# Placement is installed with Nova.
_VENVS = {"placement": "nova"}
_USERS = ("admin", "alice", "glance", "placement", "nova", "cinder", "neutron")
_SERVERS = ("mariadb", "rabbitmq")


@dataclasses.dataclass(frozen=True)
class Plan:
    """One run, below ``folder``; new passwords each time.

    :param folder: holds configuration, logs and data; nodes see it at the
        same path, read-only.
    :param passwords: of the users of keystone and of both servers.
    """

    folder: Path
    passwords: dict[str, str] = dataclasses.field(
        default_factory=lambda: {
            name: secrets.token_hex(16) for name in (*_USERS, *_SERVERS)
        },
        repr=False,
    )

    def prepare(self) -> None:
        """Make the run's folders, without an earlier run's files."""
        for name in ("conf", "data", "logs"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            # It has passwords.
            (self.folder / name).mkdir(parents=True, mode=0o700)
        # A picture of yesterday is no proof of today.
        for old in (*self.folder.glob("*.png"), *self.folder.glob("*.html")):
            old.unlink()

    def conf(self, service: str) -> Path:
        """Make and return the folder of a service's configuration."""
        return _made(self.folder / "conf" / service)

    def data(self, service: str) -> Path:
        """Make and return the folder of a service's data."""
        return _made(self.folder / "data" / service)

    def log(self, name: str) -> Path:
        """Return the file that a daemon's output goes to."""
        return self.folder / "logs" / f"{name}.log"

    def venv(self, service: str) -> Path:
        """Return the environment that tools/openstack-venvs has made."""
        name = _VENVS.get(service, service)
        return CHECKOUT / "build" / "openstack" / "venv" / name

    def program(self, service: str, name: str) -> str:
        """Return the path of a program of a service's environment."""
        return str(self.venv(service) / "bin" / name)

    def port(self, service: str) -> int:
        """Return the port of a service of the web."""
        return _WEB[service][0]

    def url(self, service: str) -> str:
        """Return the URL of a service as the catalogue has it."""
        port, path = _WEB[service]
        return f"http://{HOST}:{port}{path}"

    def password(self, user: str) -> str:
        """Return the password of a user of keystone, or of a server."""
        return self.passwords[user]

    @property
    def sql_port(self) -> int:
        """MariaDB's port."""
        return _SQL_PORT

    @property
    def amqp_port(self) -> int:
        """RabbitMQ's port."""
        return _AMQP_PORT

    def database(self, name: str) -> str:
        """Return the URL of a database."""
        user = f"openstack:{self.password('mariadb')}"
        return f"mysql+pymysql://{user}@{HOST}:{_SQL_PORT}/{name}"

    def transport_url(self) -> str:
        """Return the URL of the broker."""
        user = f"openstack:{self.password('rabbitmq')}"
        return f"rabbit://{user}@{HOST}:{_AMQP_PORT}/"

    def openrc(self, user: str) -> dict[str, str]:
        """Return the environment variables of a user's clients."""
        return {
            "OS_AUTH_URL": self.url("keystone"),
            "OS_USERNAME": user,
            "OS_PASSWORD": self.password(user),
            "OS_PROJECT_NAME": "admin" if user == "admin" else "demo",
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
            "OS_REGION_NAME": REGION,
            "OS_IDENTITY_API_VERSION": "3",
        }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
