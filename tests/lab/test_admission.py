# SPDX-License-Identifier: Apache-2.0
"""Who may read from a target: whom volt sends there, and nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import BLOCK
from logins import STRANGER, credentials, logs_in, record

from demo import probe
from demo.site import IQN

pytestmark = pytest.mark.lab

CMDLINES = str(Path(__file__).parent / "guest" / "cmdlines.py")
FEW = 64


def accounts(node):
    """Return the accounts that a node's tgtd knows."""
    ask = ["tgtadm", "--lld", "iscsi", "--mode", "account", "--op", "show"]
    return node.run(ask).stdout


def test_only_whom_volt_sends_to_a_target_can_log_in(bed):
    image = bed.serve_image(FEW)
    iqn = f"{IQN}{image}"
    # A node that logs in and lets in, and the one that lets in only.
    watchers = [
        (node, node.start(["python3", "-S", CMDLINES, "/run/seen"],
                          log=f"cmdlines-{image}"))
        for node in (bed.n1, bed.master)
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

    mine = f"iqn.2026-01.lab:{child.name}"
    for source in (parent, bed.master):
        assert not logs_in(child, source, iqn), "another name"
        assert not logs_in(child, source, iqn, mine), "no secret"
    wrong = (user, "x" * 16)
    assert not logs_in(child, parent, iqn, mine, wrong), "a wrong secret"
    stolen = (user, secret)
    assert not logs_in(bed.master, parent, iqn, STRANGER, stolen)

    nothing_can_be_written(bed, child, image)
    a_secret_dies_with_its_edge(bed, child, parent, image)


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
    texts += [node.log("virtman") for node in bed.site.nodes]
    watched = (bed.n1, bed.master)
    texts += [node.log(f"cmdlines-{image}") for node in watched]
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
        child, "verify", "/dev/mapper/snapshot_vm1", image, 0, FEW
    )
    assert (found["blocks"], found["wrong"]) == (FEW, 0)
    file = f"/var/lib/virtman/{image}.raw"
    found = bed.pattern(bed.master, "verify", file, image, 0, FEW)
    assert (found["blocks"], found["wrong"]) == (FEW, 0)


def a_secret_dies_with_its_edge(bed, child, parent, image):
    """Move a child to another parent; its old secret opens nothing."""
    iqn = f"{IQN}{image}"
    old = credentials(child, parent, iqn)
    (third,) = [n for n in bed.site.computes if n not in (child, parent)]
    mine = f"iqn.2026-01.lab:{child.name}"
    # The place of who leaves is the child's: right below the master.
    assert bed.site.call(third, "destroy", "vm1") == "0:"
    child.wait_until(
        lambda: probe.parents(child, f"volume-{image}")[0] != parent.address,
        timeout=120,
        goal="the child has been moved",
    )
    child.wait_until(
        lambda: not record(child, parent, iqn)["modes"],
        timeout=60,
        goal="the child has left its old parent",
    )
    # The way in is right: as long as its ticket has not run out it opens.
    opened = logs_in(child, parent, iqn, mine, old)
    assert opened or old[0] not in accounts(parent)
    parent.wait_until(
        lambda: old[0] not in accounts(parent),
        timeout=180,
        goal="the old parent has forgotten the child",
    )
    assert not logs_in(child, parent, iqn, mine, old), "it opens no more"
    found = bed.pattern(
        child, "verify", "/dev/mapper/snapshot_vm1", image, 0, FEW
    )
    assert (found["blocks"], found["wrong"]) == (FEW, 0)
