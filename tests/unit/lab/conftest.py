# SPDX-License-Identifier: Apache-2.0
"""A machine without QEMU: its agent is a thread, its node is this host."""

import subprocess
import threading

import pytest

from lab import doorbell
from lab.machine import Machine
from lab.network import Network
from lab.share import fill
from lab.spec import NodeSpec

_SERVE = """
cd "$1" || exit
. ./command &
echo $! >pid
wait $!
echo $? >code
"""


class LocalMachine(Machine):
    """Has power while ``power`` says so, and the share at its real path."""

    power = 1

    def pid(self):
        return self.power or None


@pytest.fixture
def share(tmp_path):
    folder = tmp_path / "share"
    fill(folder, [NodeSpec("a")], tmp_path)
    return folder


@pytest.fixture
def machine(tmp_path, share, monkeypatch):
    """Serve commands as lab/guest/agent does, without the serial port."""
    made = LocalMachine(
        NodeSpec("a"), 1, tmp_path / "a", share, Network("lab-none")
    )
    threads = []

    def ring(folder, run, heard, timeout):
        if not made.power:
            raise doorbell.NodeDown("no power")
        place = share / ".lab" / "runs" / run
        command = place / "command"
        # In a node the share is /share; here it is where it is.
        command.write_text(command.read_text().replace("/share/", f"{share}/"))
        thread = threading.Thread(
            target=subprocess.run, args=(["sh", "-c", _SERVE, "sh", place],)
        )
        thread.start()
        threads.append(thread)
        while not heard():
            pass

    monkeypatch.setattr(doorbell, "ring", ring)
    yield made
    for thread in threads:
        thread.join()
