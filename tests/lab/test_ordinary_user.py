# SPDX-License-Identifier: Apache-2.0
"""An agent that no root runs: through privsep helpers, and nothing missing."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import pytest

from demo import probe
from demo.site import CHECKOUT, DOOR_KEY
from virtman import privsep

pytestmark = pytest.mark.lab

USER = "virtman"
BLOCKS = 64
DISK = "/dev/mapper/snapshot_vm1"
SCRIPT = str(Path(__file__).parent / "guest" / "helpers.py")
FOLDERS = ["/var/lib/virtman", "/run/virtman"]
CONTEXTS = {context.pypath: context for context in privsep.CONTEXTS}
HELPERS = ["pgrep", "-f", "virtman-privsep-helper"]


@contextlib.contextmanager
def run_by_user(bed, node):
    """Have a node's agent run by a user of its own, and then by root again."""
    rule = (CHECKOUT / "etc/sudoers.d/virtman").read_text()
    rule = rule.replace("/opt/vmthunder/bin", str(CHECKOUT / ".venv/bin"))
    bed.site.stop_agent(node)
    node.run(["useradd", "--system", USER])
    # A checkout or a Python below /root; this changes the node's view alone.
    node.run(["chmod", "o+x", *map(str, ways())])
    node.put("/etc/sudoers.d/virtman", rule.encode())
    node.run(["chmod", "440", "/etc/sudoers.d/virtman"])
    node.run(["chown", "-R", USER, *FOLDERS])
    bed.site.start_agent(node, USER)
    try:
        yield
    finally:
        bed.site.stop_agent(node)
        node.run(["chown", "-R", "root", *FOLDERS])
        bed.site.start_agent(node)


def ways():
    """Return the folders on the way to the agent and to its Python."""
    ends = (CHECKOUT / ".venv", Path(sys.executable).resolve())
    return sorted({folder for end in ends for folder in end.parents})


def told(node):
    """Return what helpers and storage daemons may do, by their names."""
    done = node.run(["python3", "-S", SCRIPT, "status"])
    lines = map(json.loads, done.stdout.splitlines())
    return {line.pop("name"): line for line in lines}


def mask(context):
    """Return a context's capabilities as /proc shows them."""
    return sum(1 << number for number in context.conf.capabilities)


def confined(capabilities):
    """Return what a process with so many shows."""
    return {"CapEff": capabilities, "CapPrm": capabilities, "NoNewPrivs": 1}


def kill_agent(bed, node):
    """Kill the agent and nothing else; its helpers hear of it."""
    (pid,) = node.run(
        ["pgrep", "-u", USER, "-f", "virtman-server"]
    ).stdout.split()
    node.run(["kill", "-KILL", pid])
    bed.site.stop_agent(node)
    wait_for_no_helper(node)


def wait_for_no_helper(node):
    node.wait_until(
        lambda: node.run(HELPERS, check=False).code == 1,
        timeout=60,
        goal="no helper outlives its agent",
    )


@contextlib.contextmanager
def watched(node):
    """Look for secrets on command lines all the while."""
    stop = "/run/stop-watching"
    watcher = node.start(
        ["python3", "-S", SCRIPT, "watch", stop, "/etc/virtman/token",
         DOOR_KEY], log="secrets",
    )  # fmt: skip
    try:
        yield
    finally:
        node.run(["touch", stop])
        code = watcher.wait(60)
        node.run(["rm", stop])
    said = node.log("secrets").read_text()
    assert code == 0, said
    found = json.loads(said.splitlines()[-1])
    assert found["looks"] > 3
    assert found["found"] == []


def test_an_agent_of_an_ordinary_user_does_all_that_roots_does(
    bed, reliability
):
    node, image = bed.n1, bed.serve_image(blocks=BLOCKS)

    def verify(vm):
        found = bed.pattern(
            node, "verify", f"/dev/mapper/snapshot_{vm}", image, 0, BLOCKS
        )
        assert (found["blocks"], found["wrong"]) == (BLOCKS, 0), found

    begin = len(node.log("virtman").read_bytes())
    with run_by_user(bed, node):
        with watched(node):
            bed.create(node, "vm1", image)
            verify("vm1")
        assert told(node) == {
            **{name: confined(mask(one)) for name, one in CONTEXTS.items()},
            "qemu-storage-daemon": confined(mask(privsep.storage.context)),
        }
        listed = [item["name"] for item in node.leftovers()]
        assert listed.count("virtman-privsep") == len(CONTEXTS)
        probe.write(node, DISK, skip=1, count=1)
        before = probe.digest(node, DISK)
        kill_agent(bed, node)
        reliability.fault("agent killed")
        bed.site.start_agent(node, USER)
        assert bed.site.call(node, "list") == [f"vm1:volume-{image}"]
        assert probe.digest(node, DISK) == before
        bed.create(node, "vm2", image)
        verify("vm2")
        for vm in ("vm1", "vm2"):
            assert bed.site.call(node, "destroy", vm) == "0:"
        bed.site.wait_idle_computes()
        assert bed.site.stop_agent(node) == 0
        wait_for_no_helper(node)
    said = node.log("virtman").read_bytes()[begin:]
    for file in ("/etc/virtman/token", DOOR_KEY):
        secret = node.get(file).strip()
        assert secret
        assert secret not in said
