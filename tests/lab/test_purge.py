# SPDX-License-Identifier: Apache-2.0
"""virtman purge on a real kernel: all that is ours goes, and nothing else."""

from __future__ import annotations

import contextlib
import json

import pytest

from demo import probe

pytestmark = pytest.mark.lab

FOLDER = "/var/lib/virtman"
DISKS = ("/dev/mapper/snapshot_vm1", "/dev/mapper/snapshot_vm2")
# Under emulation, and with everything loaded anew, it takes some 20 s.
PATIENCE = 300
IQN = "iqn.2010-10.org.openstack:volume-theirs"
# What is not ours; some of it has names near ours.
MAKE_THEIRS = f"""
truncate -s 1M {FOLDER}/theirs.raw
loop=$(losetup --find --show {FOLDER}/theirs.raw)
dmsetup create theirs --table '0 8 zero'
dmsetup create snapshot_theirs --table '0 8 zero'
tgtadm --lld iscsi --op new --mode target --tid 99 --targetname {IQN}
tgtadm --lld iscsi --op new --mode logicalunit --tid 99 --lun 1 \
    --backing-store $loop
"""
REMOVE_THEIRS = f"""
tgtadm --lld iscsi --op delete --mode target --tid 99
dmsetup remove snapshot_theirs; dmsetup remove theirs
losetup -j {FOLDER}/theirs.raw | cut -d: -f1 | xargs -r losetup -d
rm -f {FOLDER}/theirs.raw {FOLDER}/own.raw
"""
THEIRS = [
    ("dm", "snapshot_theirs"), ("dm", "theirs"),
    ("loop", f"{FOLDER}/theirs.raw"), ("target", IQN),
]  # fmt: skip


@pytest.fixture
def node(bed):
    """A node on which others are at work too; its agent runs at the end."""
    node = bed.n1
    node.run(["sh", "-ec", MAKE_THEIRS])
    yield node
    node.run(["sh", "-c", REMOVE_THEIRS], check=False)
    bed.site.stop_agent(node)
    bed.site.start_agent(node)


def virtman(bed, node, *words):
    """Run the command; return its status, its rows and what it said."""
    done = node.run(
        [bed.site.script("virtman"), *words, "-f", "json"],
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.code, json.loads(done.stdout or "[]"), done.stderr


def leftovers(bed, node):
    """Return what virtman check says of leftovers, each with its level."""
    _, rows, said = virtman(bed, node, "check")
    assert said == ""
    found = [row for row in rows if row["check"] == "leftovers"]
    return [(row["level"], row["what"]) for row in found]


@contextlib.contextmanager
def opened(node, disk):
    """Hold a disk open, as a VM does."""
    holder = node.start(
        ["sh", "-c", f"exec 3<{disk}; touch /run/held; exec sleep 900"],
        log="holder",
    )  # fmt: skip
    try:
        node.wait_until(["test", "-e", "/run/held"])
        yield
    finally:
        holder.kill("KILL")
        holder.wait(60)
        node.run(["rm", "-f", "/run/held"])


def results(rows):
    return {row["result"] for row in rows}


def test_purge_takes_all_that_is_ours_and_nothing_else(bed, node):
    image = bed.serve_image(blocks=64)
    for vm in ("vm1", "vm2"):
        bed.create(node, vm, image)
    probe.write(node, DISKS[0], skip=1, count=1)
    before = [probe.digest(node, disk) for disk in DISKS]

    held = bed.held(node)
    code, rows, said = virtman(bed, node, "purge", "--yes")
    assert (code, rows) == (1, []), said
    assert "virtman-server runs" in said
    bed.site.stop_agent(node)
    with opened(node, DISKS[1]):
        code, rows, said = virtman(bed, node, "purge", "--yes")
        assert (code, rows) == (1, []), said
        assert f"{DISKS[1]} is held open by sleep" in said
        assert DISKS[0] not in said
    assert bed.held(node) == held, "what is refused changes nothing"

    code, rows, said = virtman(bed, node, "purge", "--yes", "--keep-data")
    assert (code, said) == (0, "")
    assert results(rows) == {"removed", "kept"}
    assert bed.held(node) == THEIRS
    bed.site.start_agent(node)
    node.wait_until(
        lambda: len(bed.site.call(node, "list")) == 2,
        timeout=PATIENCE,
        goal="both disks are back",
    )
    assert [probe.digest(node, disk) for disk in DISKS] == before

    bed.pattern(node, "make", f"{FOLDER}/own.raw", 64, "own")
    answer = bed.site.call(
        node, "create_image_target", "own", f"{FOLDER}/own.raw"
    )
    assert answer.startswith("0:"), answer
    assert leftovers(bed, node) == [("ok", "nothing is left over")]

    bed.site.stop_agent(node)
    node.run(["rm", "-r", f"{FOLDER}/intents"])
    told = leftovers(bed, node)
    assert {level for level, _ in told} == {"warning"}
    named = " ".join(what for _, what in told)
    for name in (*DISKS, "vm1.cow", "vm2.cow", "volume-own"):
        assert name in named
    assert "theirs" not in named

    code, rows, said = virtman(bed, node, "purge", "--yes")
    assert (code, said) == (0, "")
    assert results(rows) == {"removed"}
    kinds = {row["kind"] for row in rows}
    assert kinds >= {
        "device", "session", "target", "loop", "nbd", "process", "file",
    }  # fmt: skip
    assert bed.held(node) == THEIRS
    assert leftovers(bed, node) == [("ok", "nothing is left over")]
    assert virtman(bed, node, "purge", "--yes") == (0, [], "")
    left = set(node.run(["ls", FOLDER]).stdout.split())
    assert left >= {"own.raw", "theirs.raw"}
    assert not left & {"intents", "digests", "cache", "snapshots"}
