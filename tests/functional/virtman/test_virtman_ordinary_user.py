# SPDX-License-Identifier: Apache-2.0
"""Real helpers of an agent that is not root's, as far as any host has them.

What they do on a kernel is shown in tests/lab/test_ordinary_user.py.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).parents[3]
USER = "nobody"
DEADLINE = 60
# Starts helpers as an agent does, by "env" in place of sudo: this is root.
AGENT = """
import json, os, signal, sys, time
sys.modules["eventlet"] = None
from virtman import privsep
from virtman.drivers import processes
from virtman.privsep import helpers
helpers.start(privsep.CONTEXTS, "env", {})
try:
    privsep.wipe("/nonexistent", 512)
except Exception as error:
    told = f"{type(error).__name__}: {error}"
found = {}
for pid in processes.helpers():
    lines = open(f"/proc/{pid}/status").read().splitlines()
    status = dict(line.split(":\\t", 1) for line in lines)
    words = open(f"/proc/{pid}/cmdline").read().split("\\0")
    found[words[-4]] = (pid, int(status["CapEff"], 16), status["NoNewPrivs"])
wanted = {
    one.pypath: sum(1 << number for number in one.conf.capabilities)
    for one in privsep.CONTEXTS
}
os.kill(found["virtman.privsep.storage.context"][0], signal.SIGKILL)
while privsep.storage.context.channel.running:
    time.sleep(0.02)
again = privsep.qemu_img("--version")
print(json.dumps([told, found, wanted, again]), flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="helpers of root's are started by root here"
)


def run(argv, **more):
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=DEADLINE, **more
    )


def as_user(*argv):
    words = ["setpriv", f"--reuid={USER}", "--clear-groups", *argv]
    return run(words, cwd="/")


@pytest.fixture
def served():
    """What an agent's helpers are; it is killed, and they shall end."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", AGENT], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as agent:  # fmt: skip
        try:
            yield json.loads(agent.stdout.readline()), agent
        finally:
            agent.kill()


def test_helpers_have_what_they_declare_and_end_with_their_agent(served):
    (refusal, statuses, wanted, again), agent = served
    assert refusal == "LayerError: /nonexistent: No such file or directory"
    assert again.startswith("qemu-img version"), "one that died is replaced"
    assert wanted
    assert {name: tuple(fields[1:]) for name, fields in statuses.items()} == {
        name: (capabilities, "1") for name, capabilities in wanted.items()
    }
    agent.kill()
    deadline = time.monotonic() + DEADLINE
    pids = [pathlib.Path(f"/proc/{fields[0]}") for fields in statuses.values()]
    while any(map(pathlib.Path.exists, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def program():
    """The agent's path, if the user may come so far."""
    path = pathlib.Path(sys.executable).with_name("virtman-server")
    if as_user("test", "-x", str(path)).returncode:
        pytest.skip(f"{USER} cannot execute {path}")
    return path


def test_without_a_rule_of_sudos_the_agent_ends_with_the_remedy(program):
    done = as_user(
        str(program), "--config-file=/dev/null", "--host_ip=127.0.0.1"
    )
    assert done.returncode == 1, done.stderr
    assert (
        f"virtman-server: {USER} gets no privileges: sudo -n " in done.stderr
    )
    assert "adapt etc/sudoers.d/virtman" in done.stderr
    assert "Traceback" not in done.stderr.partition("virtman-server: ")[2]


@pytest.mark.skipif(not shutil.which("visudo"), reason="there is no sudo")
def test_sudo_understands_the_rule():
    done = run(["visudo", "-c", "-f", str(ROOT / "etc/sudoers.d/virtman")])
    assert done.returncode == 0, done.stderr
