# SPDX-License-Identifier: Apache-2.0
"""A volt that lies to an agent, which runs open-iscsi as root.

open-iscsi makes folders and lines of the names that it is given.
"""

from __future__ import annotations

import json

import pytest
from conftest import GUEST

pytestmark = pytest.mark.lab

BLOCKS = 16
PORT = 7449
LINE = "nobody ALL=(ALL) NOPASSWD: ALL"
GOOD = {
    "host": "10.77.0.1", "port": "3260", "lun": "1", "status": "OK",
    "iqn": "iqn.2010-10.org.openstack:volume-a", "peer_id": None,
}  # fmt: skip
EVIL = (
    {"iqn": "../../../../../etc/sudoers.d/x"},
    {"iqn": f"iqn.2010-10.org:../../../../etc/sudoers.d/x\n{LINE}\n"},
    {"host": "2130706433"},
    {"host": f"10.77.0.1\n{LINE}\n"},
    {"port": "3260\n"},
    {"lun": "1\n"},
)
# What open-iscsi has written down, and what else root may have made of it.
FOUND = """
find /etc/iscsi /var/lib/iscsi /etc/sudoers.d -newer "$0" -type f
grep -rlF "$1" /etc/iscsi /var/lib/iscsi /etc/sudoers.d
true
"""


def found(node, marker, iqn):
    """Return the files that are new, but for the records of an iSCSI name."""
    done = node.run(["sh", "-c", FOUND, marker, LINE])
    return [file for file in done.stdout.splitlines() if iqn not in file]


@pytest.fixture
def lied_to(bed):
    """A node whose agent asks a volt that lies."""
    node, answer = bed.n3, "/run/false-volt.json"
    sources = [{**GOOD, **evil} for evil in EVIL]
    place = {
        "peer_id": f"{node.address}:volume-a", "parents": [], "image": None,
        "stripes": [sources], "peers": [], "beat_after": 2.0,
    }  # fmt: skip
    bed.master.put(answer, json.dumps(place).encode())
    script = str(GUEST / "lying_volt.py")
    liar = bed.master.start(
        ["python3", "-S", script, bed.master.address, str(PORT), answer],
        log="false-volt",
    )
    bed.site.stop_agent(node)
    bed.site.start_agent(node, master_port=PORT, source_timeout=10)
    yield node
    bed.site.stop_agent(node)
    bed.site.start_agent(node)
    liar.kill()
    liar.wait(30)


def sessions(node):
    """Return what iscsiadm lists of a node's sessions, a line for each."""
    done = node.run(["iscsiadm", "-m", "session"], check=False)
    return [line for line in done.stdout.splitlines() if line]


def test_what_a_false_volt_names_reaches_no_command(bed, lied_to):
    """The image server is asked, which the caller names.

    It lets a node in that has had a ticket of the true volt lately.
    """
    image = bed.serve_image(BLOCKS)
    marker = "/run/before-false-volt"
    lied_to.run(["touch", marker])
    answer = bed.site.create(lied_to, "vm1", image)
    made = answer == "0:/dev/mapper/snapshot_vm1"
    assert made or "no source answered" in answer, answer
    names = [f":volume-{image}" in line for line in sessions(lied_to)]
    assert names == [True] * made
    assert found(lied_to, marker, f":volume-{image}") == []
    log = lied_to.log("virtman").read_text(errors="replace")
    for field in ("iqn", "host", "port", "lun"):
        assert (
            f"a source is not used: volt sent a malformed source's {field}"
            in log
        )
    assert "sudoers.d" in log and "2130706433" in log
