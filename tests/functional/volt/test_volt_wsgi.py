# SPDX-License-Identifier: Apache-2.0
"""``volt.wsgi:application`` under gunicorn, in several processes."""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys

import pytest
from volt_process import TOKEN, VoltAPI, children, until

from voltclient import Client, exceptions


class Gunicorn(VoltAPI):
    """The same service as volt-api, by another server."""

    def start(self, *arguments):
        output = (self.folder / "log").open("ab")
        command = [sys.executable, "-m", "gunicorn", "volt.wsgi:application"]
        self.process = subprocess.Popen(
            [*command, f"--bind=127.0.0.1:{self.port}", *arguments],
            # It leaves files where it stands.
            cwd=self.folder,
            env=os.environ | {"VOLT_CONF": str(self.conf)},
            stdout=output,
            stderr=output,
        )
        output.close()
        return self


@pytest.fixture
def gunicorn(tmp_path):
    made = []

    def start(*arguments, **options):
        server = Gunicorn(tmp_path, **options)
        made.append(server.start(*arguments))
        server.wait_until_it_answers()
        return server

    yield start
    for server in made:
        for pid in children(server.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.kill()


@pytest.mark.parametrize(
    "how", [[], ["--preload"], ["--threads=4"]], ids=lambda how: "".join(how)
)
def test_its_processes_build_one_tree(gunicorn, how):
    server = gunicorn("--workers=2", *how)

    def join(name):
        # One connection a client: gunicorn spreads them.
        client = Client(server.endpoint, token=TOKEN, timeout=60)
        return client.volumes.assign(
            "a/b", name, "3260", "iqn.2026-01.x:v", "1"
        ).peer_id

    names = [f"n{number}" for number in range(12)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        told = list(pool.map(join, names))
    assert told == [f"{name}:a/b" for name in names]
    client = Client(server.endpoint, token=TOKEN, timeout=60)
    assert len(client.volumes.list("a/b")) == len(names)
    with pytest.raises(exceptions.HTTPUnauthorized):
        Client(server.endpoint).volumes.list()
    assert server.end() == 0
    assert "Traceback" not in server.log


@pytest.mark.parametrize("how", [[], ["--preload"]], ids=["load", "preload"])
def test_silent_nodes_are_evicted_there_too(gunicorn, how):
    server = gunicorn("--workers=2", *how, heartbeat_interval=0.2)
    client = Client(server.endpoint, token=TOKEN, timeout=60)
    client.volumes.assign("v", "n1", "3260", "iqn.2026-01.x:v", "1")
    until(lambda: client.volumes.list() == [], "the silent node is evicted")


def test_a_wrong_configuration_is_told_when_it_is_loaded(gunicorn, tmp_path):
    server = Gunicorn(tmp_path, token_file="/nowhere").start()
    assert server.process.wait(60) != 0
    assert "token_file /nowhere" in server.log
