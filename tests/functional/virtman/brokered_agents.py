# SPDX-License-Identifier: Apache-2.0
"""Agents behind a broker: real doors and verbs over nodes in memory.

Run as a program it is an agent that can be killed; ``RealAgent`` is the whole
virtman-server, with nothing to serve and without a look at what the host has.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[3]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.modules["eventlet"] = None

from tests.functional.nova.recording_agents import MemoryNode  # noqa: E402
from tests.functional.volt.volt_process import free_port  # noqa: E402
from virtman.instance.snapshot import Instance  # noqa: E402
from virtman.rpc import messaging  # noqa: E402
from virtman.rpc.verbs import Verbs  # noqa: E402

DEADLINE = 120
TO_END = 30
SLOW, ENDLESS = "slow", "endless"


class Node(MemoryNode):
    """``error`` is raised by each create; that of SLOW takes ``seconds``."""

    def __init__(self, seconds=0.0):
        super().__init__()
        self.error = None
        self.begun, self._end = threading.Event(), threading.Event()
        self._seconds = seconds

    def create(self, request):
        if self.error:
            raise self.error
        if request.image in (SLOW, ENDLESS):
            self.begun.set()
            print("begun", flush=True)
            self._end.wait(
                self._seconds if request.image == SLOW else DEADLINE
            )
        return super().create(request)

    def instances(self):
        return [Instance(n, k.image) for n, k in self.kept.items() if k.active]

    def inactive(self):
        return []

    def broken_stores(self):
        return {}

    def images(self):
        return []


def verbs(node):
    stores = SimpleNamespace(all=list, delete=lambda store: store == "vol1")
    return Verbs(node, SimpleNamespace(targets=list), stores)


def wait_for(condition, explain):
    end = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < end, explain()
        time.sleep(0.05)
    return result


class Program:
    """A process whose output is in a file; it ends with the test."""

    def __init__(self, folder, *command, **environment):
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, *command],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | environment,
            )  # fmt: skip

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    def wait_for(self, text):
        def there():
            assert self.process.poll() is None, self.log
            return text in self.log

        wait_for(there, lambda: f"no {text!r} in\n{self.log}")

    def command_line(self):
        return Path(f"/proc/{self.process.pid}/cmdline").read_text()

    def end(self):
        """Have it end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TO_END)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(DEADLINE)


class KilledAgent(Program):
    """An agent in memory, for one host, that may be killed."""

    def __init__(self, folder, url, host):
        super().__init__(folder, str(Path(__file__)), host, VIRTMAN_URL=url)
        self.wait_for("serving")


WHOLE = """
import sys
sys.modules["eventlet"] = None
from virtman.doctor import prerequisites
from virtman.drivers import udev
prerequisites.check = lambda *_: None
udev.install = lambda: True
from virtman.cmd.server import main
sys.exit(main())
"""


class RealAgent(Program):
    """virtman-server as a program; its options are in a file."""

    def __init__(self, folder, url, host):
        (folder / "virtman.conf").touch(0o600)
        (folder / "virtman.conf").write_text(
            f"[DEFAULT]\nhost_ip = 127.0.0.1\nrpc_port = {free_port()}\n"
            f"admission_port = {free_port()}\nstate_dir = {folder}/state\n"
            f"run_dir = {folder}/run\nimage_dirs = {folder}\nhost = {host}\n"
            f"transport_url = {url}\ndebug = true\n"
        )
        # Nor is a tgtd of the host's asked.
        super().__init__(
            folder, "-c", WHOLE, f"--config-file={folder}/virtman.conf",
            TGT_IPC_SOCKET=str(folder / "no-tgtd"),
        )  # fmt: skip
        self.wait_for("serving on 127.0.0.1")


def main(host):
    with messaging.serving(
        os.environ["VIRTMAN_URL"], host, verbs(Node())
    ) as d:
        wait_for(lambda: d.opened.is_set(), lambda: "no broker")
        print("serving", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
