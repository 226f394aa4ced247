# SPDX-License-Identifier: Apache-2.0
"""MariaDB and RabbitMQ, private ones: folders, ports and names of their own.

They listen inside the cluster's network alone.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path

import pymysql

from cloud.daemons import Daemon, run
from cloud.errors import CloudError
from cloud.plan import HOST, Plan

DATABASES = (
    *("keystone", "glance", "placement", "nova_api", "nova", "nova_cell0"),
    *("cinder", "neutron"),
)
_PATIENCE = 180.0
# Debian hides the programs; /usr/sbin has a wrapper for the host's service.
_RABBIT = "rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"
_EPMD = "erlang/erts-*/bin/epmd"
_EPMD_PORT, _DIST_PORT = 4369, 25672


def mariadb(plan: Plan) -> Daemon:
    """Start MariaDB with an empty database for each service.

    :raises CloudError: it does not start.
    """
    data = plan.data("mariadb") / "data"
    address = data.parent / "socket"
    run(
        "mariadb-install-db",
        [
            "mariadb-install-db", "--no-defaults", "--user=root",
            f"--datadir={data}", "--skip-test-db",
            "--auth-root-authentication-method=socket",
        ],
    )  # fmt: skip
    daemon = Daemon(
        "mariadb",
        [
            "mariadbd", "--no-defaults", "--user=root", f"--datadir={data}",
            f"--socket={address}", f"--pid-file={data.parent}/pid",
            f"--port={plan.sql_port}", f"--bind-address={HOST}",
            "--skip-name-resolve", "--max-connections=500",
            # Nothing here must outlive a power cut of this host.
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
        ],
        plan.log("mariadb"),
    )  # fmt: skip
    daemon.wait_until(lambda: _sql(address, ("SELECT 1",)), _PATIENCE)
    if not _sql(address, _databases(plan)):
        raise CloudError(f"mariadb took no statements:\n{daemon.tail()}")
    return daemon


def _databases(plan: Plan) -> list[str]:
    """Return the statements that make the services' user and databases."""
    user = f"openstack@'{HOST.rpartition('.')[0]}.%'"
    statements = [
        f"CREATE USER {user} IDENTIFIED BY '{plan.password('mariadb')}'"
    ]
    for name in DATABASES:
        statements += [
            f"CREATE DATABASE {name} CHARACTER SET utf8mb3",
            f"GRANT ALL ON {name}.* TO {user}",
        ]
    return statements


def _sql(address: Path, statements: Sequence[str]) -> bool:
    """Run statements as root; tell whether the server took them."""
    try:
        with (
            contextlib.closing(
                pymysql.connect(unix_socket=str(address), user="root")
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
    except pymysql.OperationalError:
        return False
    return True


def rabbitmq(plan: Plan) -> list[Daemon]:
    """Start RabbitMQ, and the port mapper that it needs.

    :raises CloudError: it does not start, or is not installed.
    """
    folder = plan.data("rabbitmq")
    env = _rabbit_environment(plan, folder)
    mapper = Daemon(
        "epmd",
        [_newest(_EPMD), "-relaxed_command_check"],
        plan.log("epmd"),
        env=env,
    )
    broker = Daemon(
        "rabbitmq", [_newest(_RABBIT)], plan.log("rabbitmq"), env=env
    )
    broker.wait_until(lambda: _speaks_amqp(plan.amqp_port), _PATIENCE)
    return [mapper, broker]


def _rabbit_environment(plan: Plan, folder: Path) -> dict[str, str]:
    """Write RabbitMQ's files; return the environment that names them."""
    conf = folder / "rabbitmq.conf"
    conf.touch(mode=0o600)
    conf.write_text(
        f"default_user = openstack\n"
        f"default_pass = {plan.password('rabbitmq')}\n"
        f"loopback_users = none\nlisteners.tcp.default = "
        f"{HOST}:{plan.amqp_port}\nnum_acceptors.tcp = 2\n"
    )
    (folder / "plugins").write_text("[].\n")
    return {
        # Where Erlang keeps its cookie.
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(_EPMD_PORT),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "trial@localhost",
        "RABBITMQ_DIST_PORT": str(_DIST_PORT),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(conf),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        # Its schedulers would spin, on cores that others need.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "+sbwt none +sbwtdcpu none +sbwtdio none "
            "-kernel inet_dist_use_interface {127,0,0,1}"
        ),
    }


def _speaks_amqp(port: int) -> bool:
    """Tell whether a broker answers to the header of AMQP 0-9-1."""
    try:
        with socket.create_connection((HOST, port), 5) as caller:
            caller.settimeout(5)
            caller.sendall(b"AMQP\0\0\x09\x01")
            return bool(caller.recv(1))
    except OSError:
        return False


def _newest(pattern: str) -> Path:
    paths = sorted(Path("/usr/lib").glob(pattern))
    if not paths:
        raise CloudError(
            f"there is no /usr/lib/{pattern}; as root: "
            "tools/system-packages broker"
        )
    return paths[-1]
