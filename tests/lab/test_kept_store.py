# SPDX-License-Identifier: Apache-2.0
"""What one host has written on a volume is taken up by another.

The volume is a disk that the master's tgtd serves to whom has the secret, as
Cinder would; the agents log in to it and out of it, one at a time.
"""

from __future__ import annotations

import pytest
from agents import ask

pytestmark = pytest.mark.lab

FEW = 64
IQN = "iqn.2026-01.lab:cow"
USER, SECRET = "cow-user", "a-secret-of-the-lab"
SERVE = """
truncate -s 32M /run/cow.raw
t="tgtadm --lld iscsi"
$t --tid 4242 --op new --mode target -T $1
$t --tid 4242 --op new --mode logicalunit --lun 1 -b /run/cow.raw
$t --op new --mode account --user $2 --password $3
$t --tid 4242 --op bind --mode account --user $2
$t --tid 4242 --op bind --mode target -I ALL
"""
WITHDRAW = """
tgtadm --lld iscsi --op delete --mode target --tid 4242 --force
tgtadm --lld iscsi --op delete --mode account --user $1
rm /run/cow.raw
"""


def shell(node, script, *words):
    return node.run(["sh", "-ec", script, "sh", *words], timeout=120).stdout


def digest(node):
    return node.run(["sha256sum", "/dev/mapper/snapshot_vol1"]).stdout


def logged_in(node):
    done = node.run(["iscsiadm", "-m", "session"], check=False)
    return IQN in done.stdout


@pytest.fixture
def volume(bed):
    """Serve a volume that asks for a secret; return its connection."""
    shell(bed.master, SERVE, IQN, USER, SECRET)
    yield {
        "target_portal": f"{bed.master.address}:3260",
        "target_iqn": IQN,
        "target_lun": 1,
        "auth_method": "CHAP",
        "auth_username": USER,
        "auth_password": SECRET,
    }
    shell(bed.master, WITHDRAW, USER)


def test_another_host_takes_up_what_was_written_on_a_volume(bed, volume):
    image = bed.serve_image(FEW)
    wanted = {"instance": "vol1", "image": image, "store": volume}

    made = ask(bed.n1, "create", **wanted, keep=False)
    assert made == "/dev/mapper/snapshot_vol1"
    clean = digest(bed.n1)
    write = ["dd", "if=/dev/urandom", f"of={made}", "bs=64k", "seek=3",
             "count=5", "conv=fsync"]  # fmt: skip
    bed.n1.run(write)
    written = digest(bed.n1)
    assert written != clean
    assert ask(bed.n1, "deactivate", instance="vol1") is True
    assert not logged_in(bed.n1)

    # Whoever does not say so has the volume itself say that it was written on.
    assert ask(bed.n2, "create", **wanted) == made
    assert digest(bed.n2) == written
    assert ask(bed.n2, "destroy", instance="vol1") is True
    assert ask(bed.n2, "create", **wanted, keep=True) == made
    assert digest(bed.n2) == written

    # An agent that was killed takes up disk and session as its own.
    bed.site.stop_agent(bed.n2, "KILL")
    bed.site.start_agent(bed.n2)
    assert digest(bed.n2) == written
    assert ask(bed.n2, "deactivate", instance="vol1") is True
    assert not logged_in(bed.n2)

    # Back on the first host, which knows it still.
    assert ask(bed.n1, "create", **wanted, keep=True) == made
    assert digest(bed.n1) == written
    for node in (bed.n1, bed.n2):
        assert ask(node, "destroy", instance="vol1") is True
        assert not logged_in(node)
