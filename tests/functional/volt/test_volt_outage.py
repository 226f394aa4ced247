# SPDX-License-Identifier: Apache-2.0
"""While the database is away: clear answers, nothing by half, and back."""

import collections
import threading
import time

import pytest
from cluster import LOST, Node, Wire, each_in_a_thread, insist, placed, tree
from sql_mariadb import MariaDB
from sql_postgresql import PostgreSQL
from volt_process import DEADLINE

from volt.cmd.manage import main as manage

BEAT = 2.0
"""Nodes are evicted after three times that long."""
RARE = 600.0
"""Nobody is evicted, and no evictor looks at the database."""
NODES = 12


@pytest.fixture(params=[PostgreSQL, MariaDB])
def server(request):
    """A server that may be stopped and killed."""
    with request.param() as one:
        yield one


@pytest.fixture
def url(server):
    return server.database()


@pytest.fixture
def name(url):
    return url.rpartition("/")[2]


@pytest.fixture
def volt(url, new_volt):
    return started(new_volt, url, RARE)


def started(new_volt, url, beat):
    database = {"connection": url}
    volt = new_volt(database=database, heartbeat_interval=beat).start()
    insist(lambda wire: wire("GET", "/healthz"), Wire(volt.port))
    return volt


def until(condition, what):
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end, f"not in {DEADLINE} s: {what}"
        time.sleep(0.02)
    return found


class Load:
    """Nodes that beat, join and leave without a pause, until it is closed."""

    def __init__(self, port, nodes):
        self.answers = collections.Counter()
        self.odd = []
        self._port = port
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._live, args=(node,), daemon=True)
            for node in nodes
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(DEADLINE)

    def _live(self, node):
        wire = Wire(self._port)
        guest = Node(f"{node.name}-guest")
        while not self._over.wait(0.02):
            for ask in (node.beat, guest.join, guest.register, guest.leave):
                self._note(ask.__name__, ask, wire)
        wire.close()

    def _note(self, what, ask, wire):
        try:
            answer = ask(wire)
        except LOST as error:
            self.odd.append(f"{what}: {error!r}")
            return
        self.answers[answer.status] += 1
        # A guest may find itself gone, or not yet gone, when a request of
        # its own was refused.
        if answer.status == 503:
            self._check(what, answer)
        elif answer.status not in (200, 404):
            self.odd.append(f"{what}: {answer}")

    def _check(self, what, answer):
        if answer.error["code"] != "unavailable":
            self.odd.append(f"{what}: {answer}")
        if not int(answer.headers["retry-after"]) > 0:
            self.odd.append(f"{what}: {answer}")

    def more(self, status, count=20):
        """Wait for that many further answers of a status."""
        goal = self.answers[status] + count
        until(lambda: self.answers[status] >= goal, f"{count} times {status}")


def populate(volt):
    nodes = [Node(f"n{number}") for number in range(NODES)]
    wire = Wire(volt.port)
    for node in nodes:
        assert placed(node.join(wire))
        assert node.register(wire).status == 200
    return nodes


def home(volt):
    """Return where everybody stands who is there to stay."""
    return {
        peer_id: peer["position"]
        for peer_id, peer in tree(volt.port).items()
        if "guest" not in peer_id
    }


def test_an_outage_under_load_is_told_and_over_when_it_is(
    server, url, new_volt
):
    volt = started(new_volt, url, BEAT)
    nodes = populate(volt)
    before = home(volt)
    with Load(volt.port, nodes) as load:
        load.more(200, 200)
        server.kill()
        load.more(503)
        over = time.monotonic() + 4 * BEAT
        until(lambda: time.monotonic() > over, "longer than one may be silent")
        load.more(503)
        server.start()
        load.more(200, 200)
        assert home(volt).keys() == before.keys()
        wire = Wire(volt.port)
        for node in nodes:
            # It is known: a beat that says nothing tells its peer.
            told = wire("PUT", "/v1/members/heartbeat", {"host": node.name})
            assert [one["peer_id"] for one in told.told] == [node.peer_id]
    assert load.odd == []
    assert "peers evicted" not in volt.log
    assert "Traceback" not in volt.log
    assert volt.process.poll() is None


def test_a_restart_between_two_requests_is_not_noticed(server, volt):
    node, wire = Node("n1"), Wire(volt.port)
    for ask in (node.join, node.register, node.beat, tree_of, node.leave):
        server.stop()
        server.start()
        assert ask(wire).status == 200, ask


def tree_of(wire):
    return wire("GET", "/v1/trees/v")


def test_a_server_that_hangs_is_told_like_one_that_is_away(server, volt):
    node = Node("n1")
    node.join(Wire(volt.port))
    with server.hung():
        answers = each_in_a_thread(
            lambda ask: ask(Wire(volt.port)), [node.beat] * 4
        )
        assert {answer.status for answer in answers} == {503}
    insist(node.beat, Wire(volt.port))


def test_a_database_that_is_lost_is_made_anew_and_beats_fill_it(
    server, volt, name
):
    nodes, wire = populate(volt), Wire(volt.port)
    server.lose(name)
    told = until(
        lambda: (
            (answer := nodes[0].beat(wire)).status == 503
            and "volt-manage db upgrade" in answer.error["message"]
            and answer
        ),
        "it is told that the tables are gone",
    )
    assert told.error["code"] == "unavailable"
    assert manage([f"--config-file={volt.conf}", "db", "upgrade"]) == 0
    for node in nodes:
        insist(node.beat, wire)
    assert tree(volt.port).keys() == {node.peer_id for node in nodes}


def test_a_server_that_takes_no_changes_still_tells_what_it_has(
    server, volt, name
):
    populate(volt)
    before, wire = home(volt), Wire(volt.port)
    server.read_only(name, True)
    refused = Node("n99").join(wire)
    assert refused.status == 503
    assert "takes no changes" in refused.error["message"]
    assert home(volt) == before
    server.read_only(name, False)
    insist(Node("n99").join, wire, placed)


def test_a_tree_that_somebody_else_keeps_locked_is_told_so(server, volt, name):
    populate(volt)
    before, wire = home(volt), Wire(volt.port)
    with server.locked(name, "SELECT * FROM volumes FOR UPDATE"):
        refused = Node("n99").join(wire)
        assert refused.status == 503
        assert "keeps it locked" in refused.error["message"]
        assert home(volt) == before
    insist(Node("n99").join, wire, placed)


def test_a_start_without_the_database_waits_for_it(server, url, new_volt):
    database = {"connection": url, "max_retries": -1, "retry_interval": 1}
    volt = new_volt(database=database)
    server.stop()
    volt.start()
    until(lambda: "does not answer" in volt.log, "it is told in the log")
    server.start()
    insist(Node("n1").join, Wire(volt.port))


def test_a_start_without_the_database_ends_with_the_reason(
    server, url, new_volt
):
    server.stop()
    volt = new_volt(database={"connection": url}).start(wait=False)
    assert volt.process.wait(DEADLINE) == 1
    assert "cannot open the registry" in volt.log
    assert "does not answer" in volt.log
    assert "Traceback" not in volt.log
