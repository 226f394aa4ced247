# SPDX-License-Identifier: Apache-2.0
"""What a VM writes is on the image server, and goes with it from host to host.

The image server is a node beside the master, so that it can lose its power.
It lets in whom the store is open to, by the ticket that volt has given.
"""

from __future__ import annotations

import pytest
from agents import ask
from conftest import BLOCK
from logins import credentials, logs_in

from lab import services

pytestmark = pytest.mark.lab

FEW = 64
VOLUME = "11111111-2222-4333-8444-555555555555"
DISK = f"/dev/mapper/snapshot_{VOLUME}"
IQN = f"iqn.2010-10.org.openstack:cow-{VOLUME}"
FILE = f"/var/lib/virtman/stores/{VOLUME}.cow"
# A portal that ends each connection, at once or amid the login; says how many
# there were.
CLOSER = """
import socket, struct, sys, time
listener = socket.create_server(("", 3260))
for number in range(1, 1000):
    caller, _ = listener.accept()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
    time.sleep(number % 8 / 100)
    caller.close()
    with open(sys.argv[1], "w") as file:
        file.write(str(number))
"""


def initiator(node):
    return f"iqn.2026-01.lab:{node.name}"


class Served:
    """An image server with one image and one store."""

    def __init__(self, bed, node):
        self.bed, self.node = bed, node
        self.file = "/var/lib/virtman/served.raw"

    def begin(self):
        self.bed.pattern(self.node, "make", self.file, FEW, "served")
        site = self.bed.site
        answer = site.call(
            self.node, "create_image_target", "served", self.file
        )
        assert answer.startswith("0:"), answer
        self.node.run(["sync"])

    def end(self):
        for node in self.bed.site.computes:
            ask(node, "destroy", instance=VOLUME)
        self.node.wait_until(
            lambda: (
                self.bed.site.call(self.node, "destroy_image_target", "served")
                in ("0:", "1:")
            ),
            timeout=180,
            goal="its last reader has left",
        )
        ask(self.node, "delete_store", store=VOLUME)
        self.node.run(["rm", "-f", self.file])

    def open(self, node, new=False):
        return ask(
            self.node, "open_store", store=VOLUME, new=new,
            sectors=FEW * BLOCK // 512, initiator=initiator(node),
        )  # fmt: skip

    def create(self, node, **more):
        store = {
            "target_portal": f"{self.node.address}:3260",
            "target_iqn": IQN,
            "target_lun": 1,
        }
        return ask(
            node, "create", instance=VOLUME, image="served", store=store,
            **more,
        )  # fmt: skip


@pytest.fixture
def served(bed):
    made = Served(bed, bed.n3)
    made.begin()
    yield made
    made.end()


def digest(node):
    return node.run(["sha256sum", DISK]).stdout.split()[0]


def write(node, seek):
    node.run(["dd", "if=/dev/urandom", f"of={DISK}", "bs=64k",
              f"seek={seek}", "count=3", "conv=fsync"])  # fmt: skip


def logged_in(node):
    done = node.run(["iscsiadm", "-m", "session"], check=False)
    return IQN in done.stdout


def test_a_vm_s_writes_go_with_it_to_another_host(bed, served):
    first, second, server = bed.n1, bed.n2, bed.n3
    opened = served.open(first, new=True)
    assert (opened["iqn"], opened["written"]) == (IQN, False)

    # New is what begins with zeros: nobody says so, and nothing is wiped.
    assert served.create(first) == DISK
    clean = digest(first)
    write(first, 3)
    written = digest(first)
    assert written != clean
    assert served.open(first)["written"]

    nobody_else_gets_in(served, first, second)

    # An agent that was killed takes disk and session up as its own.
    for node in (first, server):
        bed.site.stop_agent(node, "KILL")
        bed.site.start_agent(node)
    assert digest(first) == written

    # The image server's target process dies: what is written waits for it.
    services.kill_target(server)
    services.start_target(server)
    write(first, 9)
    assert digest(first) != written
    written = digest(first)

    secret = credentials(first, server, IQN)
    assert ask(first, "deactivate", instance=VOLUME) is True
    assert not logged_in(first)

    assert served.open(second)["written"]
    assert not logs_in(first, server, IQN, initiator(first), secret)
    refused = served.create(first, keep=True)
    assert "does not let this host in" in str(refused), refused
    assert ask(first, "destroy", instance=VOLUME) is True
    assert served.create(second, keep=True) == DISK
    assert digest(second) == written

    assert ask(second, "deactivate", instance=VOLUME) is True
    served.open(first)
    assert served.create(first, keep=True) == DISK
    assert digest(first) == written

    for node in (first, second):
        ask(node, "destroy", instance=VOLUME)
        assert not logged_in(node)
    assert ask(server, "delete_store", store=VOLUME) is True
    assert ask(server, "stores") == []
    assert server.run(["test", "-e", FILE], check=False).code == 1
    shown = server.run(
        ["tgtadm", "--lld", "iscsi", "--mode", "target", "--op", "show"]
    ).stdout
    assert IQN not in shown


def nobody_else_gets_in(served, first, second):
    """Try it as another host's agent, and past the agents."""
    refused = served.open(second)
    assert "InUse" in refused, refused
    refused = served.create(second)
    assert "does not let this host in" in str(refused), refused
    assert not logged_in(second)
    server = served.node
    stolen = credentials(first, server, IQN)
    assert not logs_in(second, server, IQN, initiator(second), stolen)
    assert not logs_in(second, server, IQN, initiator(first))
    assert "InUse" in ask(server, "delete_store", store=VOLUME)


def test_a_vm_s_writes_outlive_the_power_of_either_host(
    bed, served, reliability
):
    node, server = bed.n1, bed.n3
    served.open(node, new=True)
    assert served.create(node) == DISK
    write(node, 3)
    written = digest(node)

    server.power_off_hard()
    reliability.fault("image server power cut")
    late = node.start(
        ["dd", "if=/dev/zero", f"of={DISK}", "bs=64k", "seek=20", "count=2",
         "oflag=direct", "conv=fsync"], log="late",
    )  # fmt: skip
    bed.site.revive(server)
    assert late.wait(300) == 0, node.log("late").read_text()
    after = digest(node)
    reliability.lost(data_mismatches=int(after == written))
    assert after != written
    read = node.run(["dd", f"if={DISK}", "bs=64k", "skip=20", "count=2"])
    assert not read.stdout.strip("\0")

    node.power_off_hard()
    reliability.fault("node power cut")
    bed.site.revive(node)
    node.wait_until(
        lambda: bed.site.call(node, "list") == [f"{VOLUME}:volume-served"],
        timeout=180,
        goal="the disk is back",
    )
    back = digest(node)
    reliability.lost(data_mismatches=int(back != after))
    assert back == after

    assert ask(node, "destroy", instance=VOLUME) is True
    assert not logged_in(node)


def test_a_vm_s_writes_go_on_elsewhere_when_their_host_is_given_up(
    bed, served, reliability
):
    """As in an evacuation; the host comes back, and has nothing of it."""
    lost, other, server = bed.n1, bed.n2, bed.n3
    served.open(lost, new=True)
    assert served.create(lost) == DISK
    write(lost, 3)
    written = digest(lost)
    secret = credentials(lost, server, IQN)

    lost.power_off_hard()
    reliability.fault("node power cut")
    assert "InUse" in served.open(other), "it may write still"
    server.wait_until(
        lambda: "InUse" not in served.open(other),
        timeout=240,
        goal="the lost host's session has ended",
    )
    assert served.open(other)["written"]
    assert served.create(other, keep=True) == DISK
    found = digest(other)
    reliability.lost(data_mismatches=int(found != written))
    assert found == written

    bed.site.revive(lost)
    assert not logs_in(lost, server, IQN, initiator(lost), secret)
    refused = served.create(lost, keep=True)
    assert "does not let this host in" in str(refused), refused
    assert ask(lost, "destroy", instance=VOLUME) is True
    lost.wait_until(
        lambda: not bed.held(lost),
        timeout=180,
        goal="the lost host holds nothing of it",
    )
    assert digest(other) == written


def test_what_a_vm_writes_goes_on_after_logins_that_were_broken_off(
    bed, served
):
    """Without help iscsid may lose such a session for good."""
    node, server = bed.n1, bed.n3
    served.open(node, new=True)
    assert served.create(node) == DISK
    bed.site.stop_agent(server)
    services.kill_target(server)
    argv = ["python3", "-S", "-c", CLOSER, "/run/closed"]
    closer = server.start(argv, log="closer")
    late = node.start(
        ["dd", "if=/dev/zero", f"of={DISK}", "bs=64k", "count=2",
         "oflag=direct", "conv=fsync"], log="late",
    )  # fmt: skip
    server.wait_until(
        ["sh", "-c", "test $(cat /run/closed) -ge 16"],
        timeout=180,
        goal="iscsid has tried it sixteen times",
    )
    closer.kill()
    closer.wait(60)
    services.start_target(server)
    bed.site.start_agent(server)
    assert late.wait(240) == 0, node.log("late").read_text()
