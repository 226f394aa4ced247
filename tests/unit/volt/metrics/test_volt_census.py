# SPDX-License-Identifier: Apache-2.0
"""How much there is."""

from memory_tree import VOLUME, address

from volt.liveness.eviction import Eviction
from volt.liveness.lease import Lease
from volt.metrics.census import Bulk, Monitor


def test_an_empty_registry_holds_nothing(registry):
    found = Monitor(registry).census()
    assert (found.members, found.volumes, found.peers) == (0, 0, 0)
    assert found.trees == []


def test_the_largest_trees_come_first(registry, tree):
    for number in range(6):
        tree.query(VOLUME, f"n{number}", address(f"n{number}"))
    tree.query("volume-b", "n0")
    found = Monitor(registry).census()
    assert found.trees == [Bulk(VOLUME, 6, 2), Bulk("volume-b", 1, 1)]
    assert (found.members, found.volumes, found.peers) == (6, 2, 7)


def test_health_says_whether_somebody_evicts(registry, rules, time):
    monitor = Monitor(registry)
    assert not monitor.health().evicting
    Lease(registry, Eviction(registry, rules), rules.pace).sweep()
    assert monitor.health().evicting
    time.now += 1000
    assert not monitor.health().evicting
    assert monitor.health().revision
