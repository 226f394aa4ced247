# SPDX-License-Identifier: Apache-2.0
"""What the nodes sent and received, in images, from their taps' counters."""

import itertools
from types import SimpleNamespace

import pytest

from demo import traffic
from demo.traffic import Meter

IMAGE = 200 << 20


class Network:
    """Taps whose counters a test sets; the node sends what a tap receives."""

    def __init__(self):
        self.counters = {"tap1": (0, 0), "tap2": (0, 0)}
        self.looks = 0

    def links(self):
        self.looks += 1
        return {
            tap: {"stats64": {"rx": {"bytes": rx}, "tx": {"bytes": tx}}}
            for tap, (rx, tx) in self.counters.items()
        }


def node(name, tap):
    return SimpleNamespace(name=name, machine=SimpleNamespace(tap=tap))


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def meter(network, monkeypatch):
    network.counters = {"tap1": (7, 7), "tap2": (7, 7)}
    clock = itertools.count()
    monkeypatch.setattr(traffic.time, "monotonic", lambda: next(clock))
    nodes = [node("master", "tap1"), node("node1", "tap2")]
    return Meter(network, nodes, IMAGE, 2)


def test_what_was_there_before_does_not_count(meter, network):
    network.counters = {"tap1": (7 + IMAGE, 7), "tap2": (7, 7 + IMAGE)}
    assert meter.sent() == {"master": IMAGE, "node1": 0}


def test_a_flow_is_in_images_and_its_rate_in_mib_a_second(meter, network):
    network.counters = {"tap1": (7 + IMAGE // 2, 7), "tap2": (7, 7)}
    flow = meter.moved("read").flows["master"]
    assert flow.sent == 0.5
    assert flow.sending == 100.0
    assert meter.moved("read").flows["master"].sending == 0.0


def test_the_disks_that_were_read_are_counted_for_each_node(meter):
    meter.disks_read["node1"] += 1
    flow = meter.moved("read").flows["node1"]
    assert (flow.disks_read, flow.disks) == (1, 2)


def test_all_nodes_are_looked_at_with_one_command(meter, network):
    before = network.looks
    meter.moved("read")
    assert network.looks == before + 1
