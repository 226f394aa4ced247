# SPDX-License-Identifier: Apache-2.0
"""The agent's side of volt against volt itself, over a loopback socket."""

from __future__ import annotations

import dataclasses
import socketserver
import sqlite3
import threading
from types import SimpleNamespace
from wsgiref import simple_server

import pytest

import volt.compose
import volt.conf
from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.coordinator.protocol import Alone, VoltAway
from virtman.coordinator.volt import Volt
from virtman.exception import NotFound
from virtman.model import ImageFacts, PeerAddress, PeerReport
from virtman.path import Source

IQN = "iqn.2010-10.org.openstack:volume-a"
TOKEN = "a-secret-of-some-length"
FACTS = ImageFacts(131072, "g1", "VMT0123456789ABCDEF")
SERVER = PeerAddress("volume-a", "10.0.0.1", 3261, IQN, 1)


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True


class Handler(simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def serve(tmp_path):
    """Serve a volt with a registry of its own; return its endpoint."""
    servers = []

    def start(name="volt", port=0):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "token").write_text(TOKEN)
        (folder / "token").chmod(0o600)
        file = folder / "volt.conf"
        file.write_text(
            f"[DEFAULT]\nstate_dir={folder}\nauth_strategy=token\n"
            f"token_file={folder}/token\n"
        )
        options = volt.conf.new()
        volt.conf.load(options, [f"--config-file={file}"])
        application = volt.compose.compose(options).application
        server = simple_server.make_server(
            "127.0.0.1", port, application, Server, Handler
        )
        threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        ).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        stop(server)


def stop(server):
    server.shutdown()
    server.server_close()


def endpoint(server):
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def master(serve):
    return Volt(endpoint(serve()), TOKEN)


def peer(host, peer_id=None):
    return PeerAddress("volume-a", host, 3260, IQN, 1, peer_id)


def join(master, host):
    """Take a place and register; return the assignment and the peer."""
    assignment = master.assign(peer(host))
    taken = peer(host, assignment.peer_id)
    master.register(taken)
    return assignment, taken


def test_the_first_node_reads_from_the_image_server_and_knows_the_image(
    master,
):
    master.publish(SERVER, FACTS)
    assignment, _ = join(master, "10.0.0.2")
    assert assignment.sources == (Source("10.0.0.1", 3261, IQN, 1),)
    assert assignment.image == FACTS
    assert assignment.peer_id


def test_a_node_below_is_given_its_parent_and_what_stands_behind_it(master):
    master.publish(SERVER, FACTS)
    for number in range(2, 4):
        join(master, f"10.0.0.{number}")
    assignment, _ = join(master, "10.0.0.4")
    assert assignment.sources[0] == Source("10.0.0.2", 3260, IQN, 1)
    assert assignment.sources[-1].host in ("10.0.0.1", "10.0.0.3")


def test_a_parent_that_is_still_on_its_way_is_accepted(master):
    master.publish(SERVER, FACTS)
    first = master.assign(peer("10.0.0.2"))
    others = [master.assign(peer(f"10.0.0.{n}")) for n in range(3, 7)]
    assert first.peer_id
    assert any(
        other.sources and other.sources[0].host.startswith("10.0.0.2")
        for other in others
    )


def test_an_image_that_no_server_made_known_has_no_facts(master):
    assignment = master.assign(peer("10.0.0.2"))
    assert (assignment.image, assignment.sources) == (None, ())


def test_a_beat_tells_the_parents_by_peer(master):
    master.publish(SERVER, FACTS)
    assignment, taken = join(master, "10.0.0.2")
    answers = master.beat([PeerReport(taken)]).assignments
    assert answers[assignment.peer_id].sources == assignment.sources


def test_a_beat_is_answered_with_the_time_of_the_next(master):
    _, taken = join(master, "10.0.0.2")
    assert master.beat([PeerReport(taken)]).beat_after == 5.0
    assert master.assign(peer("10.0.0.3")).beat_after == 5.0


def test_a_parent_that_has_failed_is_replaced_in_the_answer_that_hears_it(
    master,
):
    master.publish(SERVER, FACTS)
    for number in range(2, 4):
        join(master, f"10.0.0.{number}")
    assignment, taken = join(master, "10.0.0.4")
    parent = assignment.sources[0]
    for _ in range(2):
        answer = master.beat([PeerReport(taken, (parent,))]).assignments
        sources = answer[taken.peer_id].sources
        assert parent not in sources
        assert sources[-1].host == "10.0.0.1"
    again = master.beat([PeerReport(taken)]).assignments[taken.peer_id]
    assert again.sources[0] == parent, "it is back"


def test_an_image_server_that_has_failed_is_waited_for(master):
    master.publish(SERVER, FACTS)
    assignment, taken = join(master, "10.0.0.2")
    answer = master.beat([PeerReport(taken, assignment.sources)]).assignments
    assert answer[taken.peer_id].sources == assignment.sources


def test_who_asks_for_a_place_may_say_what_has_failed(master):
    master.publish(SERVER, FACTS)
    for number in range(2, 4):
        join(master, f"10.0.0.{number}")
    parent = Source("10.0.0.2", 3260, IQN, 1)
    assignment = master.assign(peer("10.0.0.4"), (parent,))
    assert parent not in assignment.sources


def test_a_parent_that_is_on_its_way_is_told_to_be(master):
    master.publish(SERVER, FACTS)
    for number in range(2, 5):
        assignment = master.assign(peer(f"10.0.0.{number}"))
    assert assignment.sources[0].host in ("10.0.0.2", "10.0.0.3")
    assert assignment.sources[0] in assignment.pending
    assert assignment.sources[-1] not in assignment.pending


def test_a_digest_is_made_known_late_and_kept(master):
    master.publish(SERVER, FACTS)
    whole = dataclasses.replace(FACTS, digest="sha256:" + "0123" * 16)
    master.publish(SERVER, whole)
    assert master.assign(peer("10.0.0.2")).image == whole
    master.publish(SERVER, FACTS)
    assert master.assign(peer("10.0.0.2")).image == whole


def test_a_beat_registers_again_what_volt_has_forgotten(serve):
    first = serve("first")
    _, taken = join(Volt(endpoint(first), TOKEN), "10.0.0.2")
    port = first.server_port
    stop(first)
    fresh = Volt(endpoint(serve("second", port)), TOKEN)
    assert taken.peer_id in fresh.beat([PeerReport(taken)]).assignments


def test_a_beat_of_a_node_without_a_place_is_fine(master):
    assert master.beat([]).assignments == {}
    assert master.beat([PeerReport(peer("10.0.0.2"))]).assignments == {}


def test_a_place_is_given_back_once(master):
    _, taken = join(master, "10.0.0.2")
    assert master.leave(taken)
    assert not master.leave(taken)
    assert not master.leave(peer("10.0.0.3"))


def test_what_has_no_place_registers_nothing(master):
    master.register(peer("10.0.0.2"))
    assert master.beat([]).assignments == {}


def test_the_servers_of_an_image_are_told_and_none_of_an_unknown_one(master):
    master.publish(SERVER, FACTS)
    other = dataclasses.replace(SERVER, host="10.0.0.9")
    master.publish(other, FACTS)
    assert master.servers("volume-a") == (
        Source("10.0.0.1", 3261, IQN, 1), Source("10.0.0.9", 3261, IQN, 1),
    )  # fmt: skip
    assert master.servers("volume-z") == ()


def test_an_image_is_withdrawn_and_that_may_be_said_again(master):
    master.publish(SERVER, FACTS)
    master.withdraw(SERVER)
    master.withdraw(SERVER)
    assert master.assign(peer("10.0.0.2")).image is None


def test_other_content_under_a_known_name_is_refused_with_the_reason(master):
    master.publish(SERVER, FACTS)
    other = ImageFacts(FACTS.sectors, "g2", "VMTOTHER")
    elsewhere = PeerAddress("volume-a", "10.0.0.9", 3260, IQN, 1)
    with pytest.raises(VoltAway, match="volume-a"):
        master.publish(elsewhere, other)


def test_a_wrong_token_is_named(serve):
    server = serve()
    master = Volt(endpoint(server), "another-secret-of-that-length")
    with pytest.raises(VoltAway, match=f"{endpoint(server)}.*401"):
        master.publish(SERVER, FACTS)


def test_a_volt_that_is_not_there_is_named(serve):
    server = serve()
    address = endpoint(server)
    stop(server)
    master = Volt(address, TOKEN)
    for say in (
        lambda: master.assign(peer("10.0.0.2")),
        lambda: master.register(peer("10.0.0.2", "p")),
        lambda: master.leave(peer("10.0.0.2", "p")),
        lambda: master.beat([]),
        lambda: master.publish(SERVER, FACTS),
        lambda: master.withdraw(SERVER),
    ):
        with pytest.raises(VoltAway, match=rf"^volt at {address} "):
            say()


@pytest.mark.parametrize("port", [None, "", "x"])
def test_a_source_that_makes_no_sense_is_left_out(master, caplog, port):
    odd, good = (
        SimpleNamespace(
            host="10.0.0.1", port=port_text, iqn=IQN, lun="1", status="OK"
        )
        for port_text in (port, "3260")
    )
    answer = SimpleNamespace(
        peer_id="p", stripes=[[odd, good]], image=None, beat_after=None,
        admission=None,
    )  # fmt: skip
    master._client._client = SimpleNamespace(
        volumes=SimpleNamespace(assign=lambda **_: answer),
        members=SimpleNamespace(
            beat=lambda _: SimpleNamespace(
                peers=[answer], beat_after=None, admission=None
            )
        ),
    )
    sources = (Source("10.0.0.1", 3260, IQN, 1),)
    assert master.assign(peer("h")).sources == sources
    assert master.beat([]).assignments["p"].sources == sources
    assert "a malformed source's port" in caplog.text


def test_a_source_of_an_older_volt_s_registry_is_left_out(
    serve, tmp_path, caplog
):
    """And whoever has the token can withdraw it."""
    server = serve()
    master = Volt(endpoint(server), TOKEN)
    master.publish(SERVER, FACTS)
    master.publish(dataclasses.replace(SERVER, host="10.0.0.9"), FACTS)
    with sqlite3.connect(tmp_path / "volt" / "volt.sqlite") as registry:
        registry.execute(
            "UPDATE portals SET host = '2130706433', iqn = '../../x' "
            "WHERE host = '10.0.0.1'"
        )
    assignment = master.assign(peer("10.0.0.2"))
    assert [source.host for source in assignment.sources] == ["10.0.0.9"]
    (other,) = master.servers("volume-a")
    assert other.host == "10.0.0.9"
    assert "'2130706433'" in caplog.text
    master.withdraw(dataclasses.replace(SERVER, host="2130706433"))
    caplog.clear()
    Volt(endpoint(server), TOKEN).servers("volume-a")
    assert caplog.messages == []


def test_a_service_that_is_not_volt_is_told_from_one_that_is_away(serve):
    server = serve()
    stranger = Volt(f"{endpoint(server)}/elsewhere", TOKEN)
    with pytest.raises((NotFound, VoltAway)):
        stranger.assign(peer("10.0.0.2"))


def test_without_a_master_nobody_is_told_and_nothing_is_heard():
    alone = Alone()
    assert alone.assign(peer("10.0.0.2")).sources == ()
    assert alone.beat([PeerReport(peer("10.0.0.2"))]).assignments == {}
    assert not alone.leave(peer("10.0.0.2"))
    alone.register(peer("10.0.0.2"))
    alone.publish(SERVER, FACTS)
    alone.withdraw(SERVER)


def agent(server, tmp_path, host):
    """Return an agent's side of volt and what it keeps of it."""
    credentials = Credentials(
        tmp_path / f"{host}.json", (host, 3260), lambda: f"iqn.lab:{host}"
    )
    return Volt(endpoint(server), TOKEN, credentials=credentials), credentials


def test_a_source_knows_the_readers_that_volt_sends_to_it(serve, tmp_path):
    server = serve()
    agents = {
        number: agent(server, tmp_path, f"10.0.0.{number}")
        for number in range(1, 5)
    }
    agents[1][0].publish(dataclasses.replace(SERVER, port=3260), FACTS)
    for number in range(2, 5):
        assignment, _ = join(agents[number][0], f"10.0.0.{number}")
    assert assignment.sources[0].host == "10.0.0.2"
    for source in assignment.sources:
        ticket = agents[4][1].ticket(source)
        number = int(source.host.rpartition(".")[2])
        read = tickets.verify(ticket.text, agents[number][1].key)
        assert read.opens(IQN)
        assert read.opens("another") is (source.host == "10.0.0.1")
        assert read.initiator == "iqn.lab:10.0.0.4"
        assert read.login == ticket.login
        with pytest.raises(tickets.NoTicket):
            tickets.verify(ticket.text, agents[4][1].key)


def test_a_beat_brings_new_tickets_and_the_key_again(serve, tmp_path):
    server = serve()
    master, credentials = agent(server, tmp_path, "10.0.0.2")
    master.publish(SERVER, FACTS)
    assignment, taken = join(master, "10.0.0.2")
    (source,) = assignment.sources
    before, key = credentials.ticket(source), credentials.key
    credentials.keep_key(bytes(32), 0.0)
    master.beat([PeerReport(taken)])
    assert credentials.ticket(source) != before
    assert credentials.key == key


def test_a_node_that_serves_nothing_yet_is_told_its_key(serve, tmp_path):
    master, credentials = agent(serve(), tmp_path, "10.0.0.2")
    before = credentials.key
    master.beat([])
    assert credentials.key != before
