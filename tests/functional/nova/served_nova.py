# SPDX-License-Identifier: Apache-2.0
"""A Nova of two hosts on a port, and the commands that burst into it.

Nova runs in its own environment (stories/served.py), the agents of its hosts
in this process, so that a test can hold them up or have them fail.
"""

import contextlib
import io
import json
import os
import pathlib
import secrets
import subprocess
import sys
import time
import urllib.request
from unittest import mock

import recording_agents
from novaclient import client

from virtman.cmd import host
from virtmanclient import vmtrun
from virtmanclient.openstack import access

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
NOVA = ROOT / "build" / "nova"
DEADLINE = 180.0
IMAGE = "debian 12"


class ServedNova:
    """Where it is, who may ask it, and the agents below it."""

    def __init__(self, folder, agents):
        self.folder = folder
        self.agents = agents
        self.password = secrets.token_hex(16)
        self._port_file = folder / "port"

    @contextlib.contextmanager
    def running(self):
        """Start Nova, wait for its port; end it afterwards."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "OS_NOVA_DISABLE_EVENTLET_PATCHING": "True",
            "VIRTMAN_TEST_SOCKETS": str(self.folder),
            "BURST_TEST_PASSWORD": self.password,
            "BURST_TEST_PORT": str(self._port_file),
        }
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(
                [NOVA / "bin" / "python", "-m", "unittest", "served"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=HERE / "stories",
                env=environ,
            )
        try:
            self._wait(process)
            yield self
        finally:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            process.wait()

    def _wait(self, process):
        end = time.monotonic() + DEADLINE
        while not self._port_file.exists() or not self.port:
            log = (self.folder / "log").read_text()[-4000:]
            assert process.poll() is None and time.monotonic() < end, log
            time.sleep(0.05)

    @property
    def port(self):
        return self._port_file.read_text()

    def environ(self, user="admin", **changes):
        """Return what a user has set to be let in."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "OS_AUTH_URL": f"http://127.0.0.1:{self.port}/identity/v3",
            "OS_USERNAME": user,
            "OS_PASSWORD": self.password,
            "OS_PROJECT_NAME": user,
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
        } | changes

    def start(self, *words, **changes):
        """Start ``virtman burst`` as a process."""
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "virtman.cmd.host",
                "burst",
                *map(str, words),
            ],
            cwd=ROOT,
            env=self.environ(**changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program, *words, **changes):
        """Run a command in this process; return status, output, errors."""
        main = {"virtman": host.main, "vmtrun": vmtrun.main}[program]
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environ(**changes), clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = main([*map(str, words)])
        return status, out.getvalue(), err.getvalue()

    def burst(self, *words, **changes):
        """Run ``virtman burst``; return status, rows, errors."""
        status, out, err = self.run(
            "virtman", "burst", "--poll=0.2", "-f", "json", *words, **changes
        )
        return status, json.loads(out) if out.strip() else None, err

    def boot(self, count, *words, **changes):
        """Have it boot servers of the image."""
        return self.burst(
            IMAGE, count, '--flavor=m1.small', '--network=none', *words,
            **changes,
        )  # fmt: skip

    def clear(self):
        """Take away what a test has left."""
        self.agents.begin()
        for server in self.client().servers.list():
            self.client().servers.delete(server)
        end = time.monotonic() + DEADLINE
        while self.names():
            assert time.monotonic() < end, self.names()
            time.sleep(0.1)

    def client(self):
        """Return a novaclient of the administrator's."""
        from keystoneauth1 import loading, session

        plugin = loading.get_plugin_loader("password").load_from_options(
            auth_url=f"http://127.0.0.1:{self.port}/identity/v3",
            username="admin",
            password=self.password,
            project_name="admin",
            user_domain_id="default",
            project_domain_id="default",
        )
        found = session.Session(plugin)
        return client.Client(access.MICROVERSION, session=found)

    def names(self):
        return sorted(one.name for one in self.client().servers.list())

    def lists(self):
        """Return how often all servers were listed so far."""
        url = f"http://127.0.0.1:{self.port}/lists_made"
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return json.load(answer)


@contextlib.contextmanager
def serving(folder):
    """Serve agents and a Nova above them."""
    with (
        recording_agents.serving(folder) as agents,
        ServedNova(folder, agents).running() as nova,
    ):
        yield nova
