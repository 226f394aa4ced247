# SPDX-License-Identifier: Apache-2.0
"""volt is killed and started again; nobody notices but by the gap."""

import concurrent.futures
import json
import os
import signal
import time

import pytest
from cluster import Node, Wire, insist, placed, tree
from volt_process import until

NODES = 1000
THREADS = 8
BEAT = 2.0


@pytest.fixture
def new_on(new_volt, database):
    """Make a volt-api on the database that is not started yet."""

    def make(**options):
        return new_volt(database={"connection": database.url}, **options)

    return make


def in_threads(volt, work, nodes):
    """Run ``work`` for all nodes, some at a time; return the results."""

    def some(first):
        wire = Wire(volt.port)
        done = [work(node, wire) for node in nodes[first::THREADS]]
        wire.close()
        return done

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return [one for done in pool.map(some, range(THREADS)) for one in done]


def settle(node, wire):
    insist(node.join, wire, placed)
    insist(node.register, wire)


def told(node, wire):
    return node.name, insist(node.beat, wire)[-1].told


def raw(volt, path):
    return json.dumps(
        insist(lambda wire: wire("GET", path), Wire(volt.port))[-1].told
    )


def standing(volt):
    """Return all that is known of a tree, but for the ages of its nodes."""
    peers = tree(volt.port)
    for peer in peers.values():
        assert peer.pop("age") is not None
    return json.dumps(peers)


def kill_all(volt):
    """Kill the supervisor and its workers, with no word to any."""
    processes = [volt.process.pid, *volt.workers]
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    volt.process.wait()


def test_a_thousand_peers_stand_after_a_kill_where_they_stood(new_on):
    volt = new_on(workers=4, heartbeat_interval=600).start()
    nodes = [Node(f"n{number}") for number in range(NODES)]
    in_threads(volt, settle, nodes)
    before = raw(volt, "/v1/volumes/v"), standing(volt)
    answers = in_threads(volt, told, nodes)
    assert len(json.loads(before[0])) == NODES
    kill_all(volt)
    volt.start()
    # The same addresses in the same order: no agent logs in anywhere else.
    assert in_threads(volt, told, nodes) == answers
    assert (raw(volt, "/v1/volumes/v"), standing(volt)) == before


def test_who_could_not_beat_while_volt_was_down_is_not_evicted(new_on):
    volt = new_on(heartbeat_interval=BEAT).start()
    nodes = [Node(f"n{number}") for number in range(12)]
    dead, wire = Node("dead"), Wire(volt.port)
    for node in [*nodes, dead]:
        settle(node, wire)
    before = tree(volt.port)
    kill_all(volt)
    over = time.monotonic() + 4 * BEAT
    until(lambda: time.monotonic() > over, "longer than one may be silent")
    volt.start()

    def dead_is_gone():
        for node in nodes:
            insist(node.beat, wire)
        return dead.peer_id not in tree(volt.port)

    until(dead_is_gone, "a sweep has been made")
    assert tree(volt.port).keys() == before.keys() - {dead.peer_id}
    assert volt.log.count("peers evicted") == 1
