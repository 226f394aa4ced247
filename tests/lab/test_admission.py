# SPDX-License-Identifier: Apache-2.0
"""Who may read from a target: whom volt sends there, and nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import BLOCK, BLOCKS

from demo import probe
from demo.site import IQN

pytestmark = pytest.mark.lab

CMDLINES = str(Path(__file__).parent / "guest" / "cmdlines.py")
STRANGER = "iqn.2026-01.lab:stranger"
# What a record says of a login: its own file, as a JSON object.
RECORD = """
import glob, json, os, sys
found = glob.glob(f"/etc/iscsi/nodes/{sys.argv[1]}/{sys.argv[2]},3260*")
files = [f"{f}/default" if os.path.isdir(f) else f for f in found]
lines = [line.split(" = ") for file in files for line in open(file)]
print(json.dumps({pair[0]: pair[1].strip() for pair in lines
                  if len(pair) == 2} |
                 {"modes": [oct(os.stat(f).st_mode & 0o777) for f in files]}))
"""


@pytest.fixture
def stranger(bed):
    """Log in from a node as somebody else; return iscsiadm's exit code."""
    used = []

    def login(node, source, iqn, name=STRANGER, login=None):
        def iscsiadm(*words):
            return node.run(["iscsiadm", "-m", *words], check=False)

        used.append((node, source, iqn))
        iscsiadm("iface", "-I", "other", "-o", "new")
        iscsiadm(
            "iface", "-I", "other", "-o", "update",
            "-n", "iface.initiatorname", "-v", name,
        )  # fmt: skip
        record = ("node", "-T", iqn, "-p", source.address, "-I", "other")
        iscsiadm(*record, "-o", "new")
        values = {"node.session.initial_login_retry_max": "1"}
        if login:
            values |= {
                "node.session.auth.authmethod": "CHAP",
                "node.session.auth.username": login[0],
                "node.session.auth.password": login[1],
            }
        for key, value in values.items():
            iscsiadm(*record, "-o", "update", "-n", key, "-v", value)
        code = iscsiadm(*record, "--login").code
        if code == 0:
            iscsiadm(*record, "--logout")
        iscsiadm(*record, "-o", "delete")
        return code

    yield login
    for node, _, _ in used:
        node.run(
            ["iscsiadm", "-m", "iface", "-I", "other", "-o", "delete"],
            check=False,
        )


def record(node, source, iqn):
    """Return what a node's record of a source says."""
    ask = ["python3", "-S", "-c", RECORD, iqn, source.address]
    return json.loads(node.run(ask).stdout)


def credentials(node, source, iqn):
    """Return the user and the secret of a node's session."""
    found = record(node, source, iqn)
    key = "node.session.auth."
    return found[f"{key}username"], found[f"{key}password"]


def accounts(node):
    """Return the accounts that a node's tgtd knows."""
    ask = ["tgtadm", "--lld", "iscsi", "--mode", "account", "--op", "show"]
    return node.run(ask).stdout


def test_only_whom_volt_sends_to_a_target_can_log_in(bed, stranger):
    image = bed.serve_image(BLOCKS)
    iqn = f"{IQN}{image}"
    watchers = [
        (node, node.start(["python3", "-S", CMDLINES, "/run/seen"],
                          log=f"cmdlines-{image}"))
        for node in bed.site.nodes
    ]  # fmt: skip
    child, parent = bed.branch(image)
    for node, watcher in watchers:
        node.run(["touch", "/run/seen"])
        assert watcher.wait(60) == 0
        node.run(["rm", "/run/seen"])

    assert bed.reads_from(child, parent, image)
    found = record(child, parent, iqn)
    assert set(found["modes"]) == {"0o600"}
    user, secret = credentials(child, parent, iqn)
    assert len(secret) == 16
    assert user in accounts(parent)
    no_secret_is_seen(bed, image, iqn)

    for source in (parent, bed.master):
        assert stranger(child, source, iqn), "another name"
        name = f"iqn.2026-01.lab:{child.name}"
        assert stranger(child, source, iqn, name), "no secret"
        wrong = (user, "x" * 16)
        assert stranger(child, source, iqn, name, wrong), "a wrong secret"
    assert stranger(bed.master, parent, iqn), "a node without a ticket"
    assert stranger(child, parent, iqn, STRANGER, (user, secret))

    nothing_can_be_written(bed, child, image)
    a_secret_dies_with_its_edge(bed, stranger, child, parent, image)


def no_secret_is_seen(bed, image, iqn):
    """Look for the nodes' secrets in logs and in lists of processes."""
    secrets = set()
    for node in bed.site.computes:
        for source in bed.site.nodes:
            key = "node.session.auth.password"
            secrets.add(record(node, source, iqn).get(key))
    for node in bed.site.nodes:
        file = "/var/lib/virtman/admission.json"
        kept = json.loads(node.run(["cat", file]).stdout)
        secrets.add(kept["key"])
        assert node.run(["stat", "-c", "%a", file]).stdout.strip() == "600"
    secrets.discard(None)
    assert len(secrets) >= 7, "three nodes with a source at least, four keys"
    texts = [bed.master.log("volt")]
    for node in bed.site.nodes:
        texts += [node.log("virtman"), node.log(f"cmdlines-{image}")]
    for file in texts:
        text = file.read_text(errors="replace")
        assert text
        for secret in secrets:
            assert secret not in text, file
    seen = bed.n1.log(f"cmdlines-{image}").read_text(errors="replace")
    assert "iscsiadm" in seen, "the list of processes was looked at"


def nothing_can_be_written(bed, child, image):
    """Write through a session of an assigned child, as root can."""
    disks = child.run(
        ["sh", "-c", "cd /sys/block && ls -d sd*"]
    ).stdout.split()
    assert disks
    for disk in disks:
        device = f"/dev/{disk}"
        child.run(["blockdev", "--setrw", device], check=False)
        tried = child.run(
            ["dd", "if=/dev/urandom", f"of={device}", f"bs={BLOCK}",
             "count=4", "oflag=direct", "conv=notrunc"],
            check=False,
        )  # fmt: skip
        assert tried.code != 0, device
    found = bed.pattern(
        child, "verify", "/dev/mapper/snapshot_vm1", image, 0, BLOCKS
    )
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0)
    file = f"/var/lib/virtman/{image}.raw"
    found = bed.pattern(bed.master, "verify", file, image, 0, BLOCKS)
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0)


def a_secret_dies_with_its_edge(bed, stranger, child, parent, image):
    """Move a child to another parent; its old secret opens nothing."""
    iqn = f"{IQN}{image}"
    old = credentials(child, parent, iqn)
    (third,) = [n for n in bed.site.computes if n not in (child, parent)]
    # The place of who leaves is the child's: right below the master.
    assert bed.site.call(third, "destroy", "vm1") == "0:"
    child.wait_until(
        lambda: probe.parents(child, f"volume-{image}")[0] != parent.address,
        timeout=120,
        what="the child has been moved",
    )
    parent.wait_until(
        lambda: old[0] not in accounts(parent),
        timeout=180,
        what="the old parent has forgotten the child",
    )
    name = f"iqn.2026-01.lab:{child.name}"
    assert stranger(child, parent, iqn, name, old), "the secret of before"
    found = bed.pattern(
        child, "verify", "/dev/mapper/snapshot_vm1", image, 0, BLOCKS
    )
    assert (found["blocks"], found["wrong"]) == (BLOCKS, 0)
