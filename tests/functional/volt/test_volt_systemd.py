# SPDX-License-Identifier: Apache-2.0
"""What systemd is told, and what it thinks of the unit.

The socket is the one of sd_notify(3); that a real systemd understands what
comes through it is shown in tests/lab.
"""

import configparser
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest
from volt_clients import KeptConnection
from volt_process import DEADLINE, ROOT

UNIT = ROOT / "etc" / "volt" / "volt-api.service"

both = pytest.mark.parametrize("workers", [1, 2])


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(DEADLINE)
        self._socket.bind(str(folder / "notify"))
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify")}

    def told(self):
        """Return the next message as a dictionary."""
        lines = self._socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def sign_of_life(self):
        """Wait for one."""
        while "WATCHDOG" not in self.told():
            pass

    def silence(self):
        """Wait until nothing was told for longer than it ever takes."""
        self._socket.settimeout(2)
        with contextlib.suppress(TimeoutError):
            while True:
                self.told()
        self._socket.settimeout(DEADLINE)

    def close(self):
        self._socket.close()


@pytest.fixture
def manager(tmp_path):
    with contextlib.closing(Manager(tmp_path)) as made:
        yield made


@both
def test_it_tells_when_it_is_ready_reloads_and_ends(
    new_volt, manager, workers
):
    volt = new_volt(workers=workers)
    volt.start(wait=False, env=os.environ | manager.environment)
    told = manager.told()
    assert told["READY"] == "1"
    assert "serv" in told["STATUS"].lower()
    # It is, when it says so.
    assert len(volt.workers) == (workers if workers > 1 else 0)
    assert KeptConnection(volt.port).get() == 200
    volt.process.send_signal(signal.SIGHUP)
    told = manager.told()
    assert told["RELOADING"] == "1"
    assert int(told["MONOTONIC_USEC"]) > 0
    assert manager.told()["READY"] == "1"
    volt.process.send_signal(signal.SIGTERM)
    assert manager.told()["STOPPING"] == "1"
    assert volt.process.wait(DEADLINE) == 0


@both
def test_a_refused_reload_ends_in_being_ready(new_volt, manager, workers):
    volt = new_volt(workers=workers)
    volt.start(wait=False, env=os.environ | manager.environment)
    assert manager.told()["READY"] == "1"
    volt.conf.write_text("[DEFAULT]\nnosuch = 1\n")
    volt.process.send_signal(signal.SIGHUP)
    assert manager.told()["RELOADING"] == "1"
    assert manager.told()["READY"] == "1"
    assert "is refused" in volt.log


@both
def test_it_shows_signs_of_life_if_there_is_a_watchdog(
    new_volt, manager, workers
):
    volt = new_volt(workers=workers)
    watchdog = {"WATCHDOG_USEC": "600000"}
    volt.start(env=os.environ | manager.environment | watchdog)
    for _ in range(5):
        manager.sign_of_life()
    os.kill(volt.process.pid, signal.SIGSTOP)
    # What does nothing says nothing, not even in advance.
    manager.silence()
    os.kill(volt.process.pid, signal.SIGCONT)
    manager.sign_of_life()


def test_the_watchdog_of_another_process_is_not_ours(new_volt, manager):
    volt = new_volt()
    other = {"WATCHDOG_USEC": "600000", "WATCHDOG_PID": "1"}
    volt.start(wait=False, env=os.environ | manager.environment | other)
    assert "READY" in manager.told()
    assert KeptConnection(volt.port).get() == 200
    volt.process.send_signal(signal.SIGTERM)
    assert "STOPPING" in manager.told()


def test_it_does_without_a_manager_that_has_gone(new_volt, tmp_path):
    gone = {"NOTIFY_SOCKET": str(tmp_path / "nobody")}
    volt = new_volt().start(env=os.environ | gone)
    assert KeptConnection(volt.port).get() == 200
    assert volt.end() == 0


@pytest.fixture
def unit(tmp_path):
    """The unit, of an installation that is here."""
    program = shutil.which("true")
    text, changed = re.subn(
        r"^ExecStart=\S+", f"ExecStart={program}", UNIT.read_text(), flags=re.M
    )
    assert changed == 1
    path = tmp_path / UNIT.name
    path.write_text(text)
    return path


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


def test_systemd_has_nothing_to_say_against_the_unit(unit):
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_leaves_the_service_hardly_a_right(unit):
    done = analyze("security", "--offline=yes", "--threshold=15", str(unit))
    assert done.returncode == 0, done.stdout


def test_the_unit_gives_requests_the_time_that_the_options_do():
    told = configparser.RawConfigParser(strict=False)
    told.optionxform = str
    told.read_string(UNIT.read_text())
    sample = pathlib.Path(f"{UNIT.parent}/volt.conf.sample").read_text()
    drain = float(re.search(r"^#drain_timeout = (\S+)$", sample, re.M)[1])
    assert float(told["Service"]["TimeoutStopSec"]) >= drain + 10
    assert told["Service"]["Type"] == "notify"
