# SPDX-License-Identifier: Apache-2.0
"""The unit of volt-api under a real systemd, as hardened as it is.

A node of the lab has no systemd of its own, so one begins there in
namespaces, with this single job.  Three things are not as they are
installed: the program is the checkout's, the folders it is made of are let
in past ProtectHome and PrivateTmp, and the watchdog is more impatient.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from demo.site import CHECKOUT

pytestmark = pytest.mark.lab

UNIT = "volt-api.service"
FIRST = str(Path(__file__).parent / "guest" / "first-process")
NAMESPACES = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
NAMESPACES += ["--propagation=private", "--cgroup", "--ipc", "--uts"]
PATIENCE = 400
HERE = f"""
[Service]
ExecStart=
ExecStart={CHECKOUT}/.venv/bin/volt-api --config-file=/etc/volt/volt.conf
ProtectHome=tmpfs
BindReadOnlyPaths={CHECKOUT} {sys.base_prefix}
WatchdogSec=20
"""
CONF = b"""
[DEFAULT]
token_file = /etc/volt/token
workers = 2
log_dir = /var/log/volt
"""


class Service:
    """The service as systemctl shows it."""

    def __init__(self, node, first):
        self._node = node
        self._enter = ["nsenter", f"--target={first}", "-m", "-p", "-C"]

    def run(self, *argv, check=True):
        argv = [*self._enter, *argv]
        return self._node.run(argv, timeout=PATIENCE, check=check).stdout

    def ctl(self, verb):
        self.run("systemctl", verb, UNIT)

    def show(self, name):
        asked = ("systemctl", "show", "--value", "-p", name, UNIT)
        return self.run(*asked, check=False).strip()

    def wait(self, name, value):
        self._node.wait_until(
            lambda: re.fullmatch(value, self.show(name)),
            timeout=PATIENCE,
            goal=f"{name} is {value}",
        )

    def wait_said(self, words):
        self._node.wait_until(
            lambda: words in self.log(),
            timeout=PATIENCE,
            goal=f"the log has: {words}",
        )

    def log(self):
        return self.run("cat", "/var/log/volt/volt-api.log")


@pytest.fixture
def service(cluster):
    node = cluster.nodes["n1"]
    units = cluster.share / "units"
    (units / f"{UNIT}.d").mkdir(parents=True)
    (units / UNIT).write_bytes((CHECKOUT / "etc/volt" / UNIT).read_bytes())
    (units / f"{UNIT}.d" / "here.conf").write_text(HERE)
    node.run(["sh", "-c", "id volt || useradd --system --user-group volt"])
    node.put("/etc/volt/volt.conf", CONF)
    node.put("/etc/volt/token", b"a-secret-of-some-length\n")
    node.run(["chown", "root:volt", "/etc/volt/token"])
    node.run(["chmod", "640", "/etc/volt/token"])
    argv = ["unshare", *NAMESPACES, "sh", FIRST, UNIT, "/share/units"]
    systemd = node.start(argv, log="systemd")
    children = f"/proc/{systemd.pid}/task/{systemd.pid}/children"
    first = node.wait_until(lambda: node.get(children).decode().strip())
    yield Service(node, first)
    systemd.kill()
    systemd.wait(60)


def test_systemd_starts_reloads_watches_and_stops_it(service):
    service.wait("ActiveState", "active")
    assert service.show("StatusText") == "2 workers serve"
    main = service.show("MainPID")
    owner = service.run("stat", "-c", "%U", f"/proc/{main}").strip()
    assert owner == "volt"

    service.ctl("reload")
    # With systemd 252 systemctl waits for kill alone if volt is slow to say
    # that it reloads (Type=notify-reload came later).
    service.wait_said("the new configuration is in force")
    assert service.show("MainPID") == main
    assert service.show("ActiveState") == "active"

    service.run("kill", "-STOP", main)
    service.wait("NRestarts", "1")
    service.wait("ActiveState", "active")
    assert service.show("MainPID") != main

    service.ctl("stop")
    assert service.show("ActiveState") == "inactive"
    assert service.show("Result") == "success"
    assert service.show("ExecMainStatus") == "0"
    assert service.log().rstrip().endswith("ended")
    assert "volt" not in service.run("ls", "/dev/shm")
