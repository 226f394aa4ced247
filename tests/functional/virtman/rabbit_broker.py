# SPDX-License-Identifier: Apache-2.0
"""A RabbitMQ of the tests' own, gone with them.

Its folder, ports, cookie and name are its own, and so is the port mapper that
Erlang would else start and leave behind.  Nothing of the host's is used.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import trustme

from tests.functional.volt.volt_process import free_port

DEADLINE = 180
USER, SECRET = "virtman", "s3cret-of-the-broker"
# Where Debian hides the programs; /usr/sbin has a wrapper, which is for the
# user and the folders of the host's service.
PROGRAMS = {
    "rabbitmq-server": "rabbitmq/lib/rabbitmq_server-*/sbin",
    "epmd": "erlang/erts-*/bin",
}
SETTINGS = """
default_user = {user}
default_pass = {secret}
loopback_users = none
num_acceptors.tcp = 2
num_acceptors.ssl = 2
listeners.ssl.default = 127.0.0.1:{port}
ssl_options.cacertfile = {folder}/ca.pem
ssl_options.certfile = {folder}/broker.pem
ssl_options.keyfile = {folder}/broker.pem
"""


class Broker:
    """Start and kill it as often as needed."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="virtman-rabbit-"))
        self.port, self.tls_port = free_port(), free_port()
        self._processes = []
        self._certify()
        facts = {
            "user": USER,
            "secret": SECRET,
            "port": self.tls_port,
            "folder": self.folder,
        }
        conf = self.folder / "rabbitmq.conf"
        conf.write_text(SETTINGS.format(**facts))
        (self.folder / "plugins").write_text("[].\n")
        names, node = free_port(), free_port()
        self._environment = {
            "PATH": os.environ["PATH"],
            # Where Erlang keeps its cookie.
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"virtman-{node}@localhost",
            "RABBITMQ_DIST_PORT": str(node),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            # Its schedulers would spin, on cores that others need.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+sbwt none +sbwtdcpu none +sbwtdio none "
                "-kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    @property
    def url(self):
        return f"rabbit://{USER}:{SECRET}@127.0.0.1:{self.port}/"

    @property
    def tls_url(self):
        return self.url.replace(str(self.port), str(self.tls_port)) + (
            f"?ssl=true&ssl_ca_file={self.folder}/ca.pem"
        )

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _certify(self):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        own = authority.issue_cert("127.0.0.1")
        own.private_key_and_cert_chain_pem.write_to_path(
            self.folder / "broker.pem"
        )

    def start(self):
        self.begin()
        self.wait()

    def begin(self):
        """Start it, and do not wait for it."""
        self._run(program("epmd"), "-relaxed_command_check")
        self._run(program("rabbitmq-server"))

    def wait(self):
        process, end = self._processes[-1], time.monotonic() + DEADLINE
        while not self._answers():
            assert process.poll() is None and time.monotonic() < end, self.log
            time.sleep(0.1)

    def kill(self):
        """Have it vanish, with all that it has started."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(DEADLINE)
        self._processes = []

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self):
        address = ("127.0.0.1", self.port)
        try:
            with socket.create_connection(address, 5) as caller:
                caller.settimeout(5)
                caller.sendall(b"AMQP\0\0\x09\x01")
                return bool(caller.recv(1))
        except OSError:
            return False

    def _run(self, *command):
        with (self.folder / "log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    # The server is a script, which ends what it runs.
                    ["setpriv", "--pdeathsig", "TERM", *map(str, command)],
                    cwd=self.folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return self._processes[-1]


def program(name):
    """Return the path of a program of the newest version there is."""
    places = pathlib.Path("/usr/lib").glob(f"{PROGRAMS[name]}/{name}")
    programs = sorted(places)[-1:]
    assert programs, f"no {name}; as root: tools/system-packages broker"
    return programs[0]
