# SPDX-License-Identifier: Apache-2.0
"""What is asked of ip and tc, and that it stays inside the namespace."""

import json

import pytest

from lab import tools
from lab.errors import LabError
from lab.network import Network


class Kernel:
    """Remembers commands; answers with the devices it was given."""

    def __init__(self):
        self.commands, self.links = [], []

    def run(self, argv, **_):
        self.commands.append(" ".join(argv))
        return json.dumps(self.links) if "-j" in argv else ""

    def said(self, *words):
        return [c for c in self.commands if all(w in c for w in words)]


@pytest.fixture
def kernel(monkeypatch):
    made = Kernel()
    monkeypatch.setattr(tools, "run", made.run)
    monkeypatch.setattr(Network, "exists", lambda self: True)
    return made


def test_all_is_done_inside_the_namespace(kernel):
    network = Network("lab-x")
    network.add_tap("tap1")
    network.set_link("tap1", up=False)
    network.limit("tap1", 4)
    assert kernel.commands
    for command in kernel.commands:
        assert command.startswith(("ip -n lab-x ", "tc -n lab-x "))


def test_a_limit_shapes_both_ways(kernel):
    Network("lab-x").limit("tap1", 4)
    shaped = kernel.said("tbf rate 4000000bit")
    assert len(shaped) == 2
    assert "dev tap1 root" in shaped[0]
    assert "dev ifb-tap1 root" in shaped[1]
    assert kernel.said("parent ffff:", "redirect dev ifb-tap1")


def test_a_new_limit_takes_the_place_of_the_old(kernel):
    kernel.links = [{"ifname": "tap1"}, {"ifname": "ifb-tap1"}]
    Network("lab-x").limit("tap1", None)
    assert kernel.said("link del ifb-tap1")
    assert kernel.said("qdisc del dev tap1 root")
    assert kernel.said("qdisc del dev tap1 ingress")
    assert not kernel.said("tbf")


def test_no_limit_and_none_set_changes_nothing(kernel):
    kernel.links = [{"ifname": "tap1"}]
    Network("lab-x").limit("tap1", None)
    assert kernel.said("link", "del") == kernel.said("qdisc") == []


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_of_nothing_is_refused(kernel, rate):
    with pytest.raises(LabError, match="Mbit"):
        Network("lab-x").limit("tap1", rate)


def test_bytes_are_read_from_the_statistics(kernel):
    stats = {"rx": {"bytes": 7}, "tx": {"bytes": 9}}
    kernel.links = [{"ifname": "tap1", "stats64": stats}]
    assert Network("lab-x").counted("tap1", "rx") == 7
    assert Network("lab-x").counted("tap1", "tx") == 9


def test_a_namespace_that_is_not_there_has_no_links_and_is_not_deleted():
    network = Network("lab-never-made")
    assert network.links() == {}
    network.delete()
