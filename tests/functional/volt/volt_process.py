# SPDX-License-Identifier: Apache-2.0
"""volt-api as a process of its own, on a free port of the loopback."""

import contextlib
import itertools
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[3]
COMMAND = [
    sys.executable,
    "-c",
    "import sys; from volt.cmd.api import main; sys.exit(main())",
]
DEADLINE = 60
TOKEN = "a-secret-of-some-length"


# Below those that the kernel gives to clients, which could take a port between
# the look at it and its use; a range for each process of pytest-xdist.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_PORTS = itertools.cycle(
    range(20_000 + 4_000 * (_WORKER % 3), 24_000 + 4_000 * (_WORKER % 3))
)
# Another run of these tests on this host begins elsewhere.
for _ in range(os.getpid() * 61 % 4_000):
    next(_PORTS)


def free_port():
    for port in _PORTS:
        with socket.socket() as probe:
            # As servers do: what has just closed a connection is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the ports begin again")


def write_conf(folder, port, sections="", **options):
    """Write a configuration; return its path.

    ``sections`` is the text after ``[DEFAULT]``.
    """
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "token").chmod(0o600)
    options = {
        "bind_host": "127.0.0.1",
        "bind_port": port,
        "auth_strategy": "token",
        "token_file": folder / "token",
        "state_dir": folder,
    } | options
    database = options.pop("database", {})
    lines = [f"{name} = {options[name]}" for name in options]
    if database:
        database = {"max_retries": 0} | database
        lines.append("[database]")
        lines += [f"{name} = {database[name]}" for name in database]
    path = folder / "volt.conf"
    path.write_text("\n".join(["[DEFAULT]", *lines, sections, ""]))
    return path


def until(condition, what, deadline=DEADLINE):
    """Return what ``condition`` returns once that is true."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not in {deadline} s: {what}")


def children(pid):
    """Return the processes that a process has begun, or inherited."""
    try:
        path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in path.read_text().split()]
    except FileNotFoundError:
        return []


class VoltAPI:
    """One process; ``log`` is what it wrote so far."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.port = options.pop("port", None) or free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.conf = write_conf(folder, self.port, **options)

    def start(self, *prefix, wait=True, **more):
        output = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [*prefix, *COMMAND, f"--config-file={self.conf}"],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            **more,
        )
        output.close()
        if wait:
            self.wait_until_it_answers()
        return self

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def wait_until_it_answers(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise AssertionError(f"volt-api does not answer:\n{self.log}")

    @property
    def workers(self):
        """The processes that it has begun."""
        return children(self.process.pid)

    def logged(self, text, times=1):
        """Wait until it has logged a text that often."""
        try:
            until(lambda: self.log.count(text) >= times, text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None

    def end(self, how=signal.SIGTERM):
        """Ask it to end; return its exit code."""
        self.process.send_signal(how)
        return self.process.wait(DEADLINE)

    def kill(self):
        workers = self.workers
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        for pid in workers:
            # Without its supervisor it would end by itself, but later.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
