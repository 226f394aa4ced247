# SPDX-License-Identifier: Apache-2.0
"""Hundreds of nodes at once on eight workers, one of which is killed."""

import collections
import os
import signal
import threading

import pytest
from cluster import Node, Wire, each_in_a_thread, insist, placed, tree
from volt_clients import clients_of
from volt_process import until

WORKERS = 8
NODES = 500
IMAGE_SERVERS = 24


@pytest.fixture
def volt(new_volt, database):
    # Nobody is evicted: what is missing in the end has been lost.
    volt = new_volt(
        workers=WORKERS,
        heartbeat_interval=600,
        database={"connection": database.url},
    ).start()
    volt.logged(f"{WORKERS} workers serve")
    return volt


class Life:
    """What one node does, and what it is answered."""

    def __init__(self, number, port):
        self.node = Node(f"n{number}", agent=number % 5 != 0)
        self.leaves = number % 7 == 0
        self.answers = []
        self._port = port

    def live(self):
        wire = Wire(self._port)
        self._insist(self.node.join, wire, placed)
        self._insist(self.node.register, wire)
        self._insist(self.node.beat, wire)
        if self.leaves:
            # 404: gone already, by a request whose answer was lost.
            self._insist(
                self.node.leave, wire, lambda one: one.status in (200, 404)
            )
        wire.close()

    def _insist(self, ask, wire, *done):
        self.answers += insist(ask, wire, *done)


def kill_the_busiest(volt, lives, answers):
    """Kill a worker once so many answers have been given; return its id."""
    until(
        lambda: sum(len(life.answers) for life in lives) > answers,
        f"{answers} answers",
    )
    victim = max(volt.workers, key=lambda pid: len(clients_of(pid, volt.port)))
    os.kill(victim, signal.SIGKILL)
    return victim


def test_a_storm_of_joins_makes_one_tree_though_a_worker_dies(volt):
    lives = [Life(number, volt.port) for number in range(NODES)]
    killed = []
    killer = threading.Thread(
        target=lambda: killed.append(kill_the_busiest(volt, lives, NODES)),
        daemon=True,
    )
    killer.start()
    each_in_a_thread(Life.live, lives)
    killer.join()
    answers = [answer for life in lives for answer in life.answers]
    told = collections.Counter(one and one.status for one in answers)
    # The connections that the killed worker had, and nothing else.
    assert told[None] > 0
    assert told.keys() <= {200, 404, 503, None}, told
    peers = tree(volt.port)
    stayed = {one.node.peer_id for one in lives if not one.leaves}
    assert peers.keys() == stayed
    assert {peer["status"] for peer in peers.values()} == {"OK"}
    until(lambda: len(volt.workers) == WORKERS, "it is replaced")
    assert killed[0] not in volt.workers
    assert "Traceback" not in volt.log


def test_after_a_storm_everybody_is_told_its_place_in_the_one_tree(volt):
    nodes = [Node(f"n{number}") for number in range(NODES // 5)]

    def live(node):
        wire = Wire(volt.port)
        insist(node.join, wire, placed)
        return insist(node.beat, wire)[-1]

    each_in_a_thread(live, nodes)
    peers, wire = tree(volt.port), Wire(volt.port)
    for node in nodes:
        (told,) = node.beat(wire).told["peers"]
        mine = peers[told["peer_id"]]
        parents = [peers[one["peer_id"]] for one in told["parents"]]
        if mine["parent"]:
            assert parents[0]["peer_id"] == mine["parent"]
        for parent in parents:
            # So nobody reads from itself in a circle.
            assert parent["depth"] < mine["depth"]
            assert parent["status"] == "OK"


def test_while_places_change_nobody_is_told_to_read_from_itself(volt):
    nodes = [Node(f"n{number}") for number in range(24)]
    wire = Wire(volt.port)
    for node in nodes:
        insist(node.join, wire, placed)
        insist(node.beat, wire)
    over = threading.Event()

    def come_and_go(node):
        mine = Wire(volt.port)
        for _ in range(15):
            node.leave(mine)
            insist(node.join, mine, placed)
            insist(node.register, mine)
        over.set()

    def listen(node):
        mine, seen = Wire(volt.port), 0
        while not over.is_set():
            for told in insist(node.beat, mine)[-1].told["peers"]:
                seen += 1
                parents = [one["peer_id"] for one in told["parents"]]
                assert told["peer_id"] not in parents
                assert len(set(parents)) == len(parents)
        return seen

    def live(number):
        node = nodes[number]
        return come_and_go(node) if number < 4 else listen(node)

    seen = each_in_a_thread(live, range(12))
    assert min(seen[4:]) > 0
    assert tree(volt.port).keys() == {node.peer_id for node in nodes}


def test_image_servers_that_register_at_once_are_all_known(volt):
    facts = {"size": 8, "generation": "g", "serial": "s"}

    def register(number):
        body = facts | Node(f"i{number}").address
        insist(lambda wire: wire("PUT", "/v1/images/v", body), Wire(volt.port))

    each_in_a_thread(register, range(IMAGE_SERVERS))
    told = Wire(volt.port)("GET", "/v1/images/v").told
    assert {one["host"] for one in told["sources"]} == {
        f"i{number}" for number in range(IMAGE_SERVERS)
    }
