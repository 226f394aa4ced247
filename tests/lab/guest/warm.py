# SPDX-License-Identifier: Apache-2.0
"""Agents that start at once: forks of an interpreter with all imports done.

An emulated node takes most of an agent's start for imports.  Each fork is an
agent as any other: a process of its own with its own state, ended by SIGKILL.
"""

import os
import pathlib
import signal
import socket
import sys
import time
import xmlrpc.client

DEADLINE = 300.0
TOKEN = "/etc/virtman/rpc-token"


def load():
    """Import all that an agent ever imports; return its main function."""
    # As virtman-server does: a third of the time.
    sys.modules.setdefault("eventlet", None)
    import os_brick
    from os_brick import privileged
    from os_brick.initiator.connectors import iscsi

    from virtman.cache.qemu import engine as qemu
    from virtman.cmd import agent
    from virtman.drivers.brick import login, scsi
    from voltclient.v1 import client

    loaded = (os_brick, privileged, iscsi, login, qemu, scsi, client)
    return agent.main if all(loaded) else None


class Agent:
    """A virtman-server; ``died`` once it has killed itself."""

    def __init__(self, conf, address, port, log):
        self._main = load()
        self._argv = [f"--config-file={conf}"]
        self._address, self._port, self._log = address, port, pathlib.Path(log)
        self._pid = None
        token = pathlib.Path(TOKEN).read_text().strip()
        self.uri = f"http://virtman:{token}@{address}:{port}/RPC2"

    def start(self, **environment):
        """Start it and wait until it answers."""
        self._pid = os.fork()
        if not self._pid:
            self._run(environment)
        until(lambda: self.died or self._answers(), "the agent answers")

    def count(self):
        """Have it count its changes from here: the last one ends it."""
        if not self.died:
            os.kill(self._pid, signal.SIGUSR1)

    def call(self, verb, *arguments):
        """Call a verb; None if the agent died of it."""
        try:
            with xmlrpc.client.ServerProxy(self.uri, allow_none=True) as door:
                return getattr(door, verb)(*arguments)
        except (OSError, xmlrpc.client.ProtocolError):
            until(lambda: self.died, "an agent that hung up is dead")
            return None

    @property
    def died(self):
        """Whether there is no process; it is reaped then."""
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = None
        return self._pid is None

    def stop(self, number=signal.SIGTERM):
        """End it, and wait for that."""
        if not self.died:
            os.kill(self._pid, number)
            until(lambda: self.died, "the agent ends")

    def last_words(self):
        """Return after what it killed itself."""
        text = self._log.read_text(errors="replace")
        lines = text.splitlines()
        found = [line for line in lines if line.startswith("died after ")]
        return found[-1].removeprefix("died after ") if found else ""

    def _answers(self):
        try:
            socket.create_connection((self._address, self._port), 1).close()
        except OSError:
            return False
        return True

    def _run(self, environment):
        code = 70
        try:
            os.setsid()
            out = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.environ.update(environment)
            code = self._main(self._argv)
        finally:
            os._exit(code)


def until(condition, what, pause=0.05):
    """Wait for a condition; fail if it does not come true.

    :param pause: between two looks; a dear look must not take the agent's CPU.
    """
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"in {DEADLINE} s not so: {what}")
        time.sleep(pause)
