# SPDX-License-Identifier: Apache-2.0
"""Calls that fail: which are made again, when, and for how long."""

import socket
import statistics

import pytest
from scripted_server import (
    ScriptedServer,
    answers,
    drips,
    hang_up,
    reset,
    says,
    silence,
)

from voltclient import Client, exceptions
from voltclient.retry import Retry, hope

AT = {"host": "n1", "port": "3260", "iqn": "iqn.x:v", "lun": "1"}
PEER = AT | {"status": "OK", "peer_id": "n1:v"}
PLACE = {"peer_id": "n1:v", "parents": [], "stripes": [[]], "image": None}
UNAVAILABLE = answers(
    {"error": {"code": "unavailable", "message": "no database"}},
    "503 Service Unavailable",
    Retry_After=2,
)

CALLS = {
    "a list": (lambda volt: volt.volumes.list(), []),
    "a join": (lambda volt: volt.volumes.assign("v", **AT), PLACE),
    "an old join": (lambda volt: volt.volumes.get("v"), PLACE),
    "a login": (lambda volt: volt.volumes.login("v", "n1:v", **AT), PEER),
    "a beat": (lambda volt: volt.members.beat([]), []),
    "a withdrawal": (
        lambda volt: volt.images.delete("v", "n1", "1"),
        None,
    ),
    "a logout": (lambda volt: volt.volumes.logout("v", "n1:v"), None),
}


class Times:
    """A clock that runs while one sleeps."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def times():
    return Times()


@pytest.fixture
def play(times):
    """Return a client of a server that plays these acts, and the server."""
    servers = []

    def make(*acts, **options):
        servers.append(ScriptedServer(*acts))
        retry = Retry(clock=lambda: times.now, sleep=times.sleep, **options)
        return Client(servers[-1].endpoint, retry=retry), servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("failure", [reset, hang_up, UNAVAILABLE])
def test_what_does_no_harm_twice_is_tried_again(play, call, failure):
    ask, payload = CALLS[call]
    client, server = play(failure, answers(payload))
    ask(client)
    assert server.acts == []
    assert server.heard[0] == server.heard[1]


@pytest.mark.parametrize("failure", [reset, hang_up, UNAVAILABLE])
def test_a_whole_volume_is_never_dropped_twice(play, failure):
    client, server = play(failure, answers())
    with pytest.raises(exceptions.BaseException):
        client.volumes.logout("v", force=True)
    assert len(server.heard) == 1


def test_it_is_asked_to_be_dropped_when_nobody_heard_it_before(times):
    """A refused connection has carried nothing out."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        retry = Retry(clock=lambda: times.now, sleep=times.sleep)
        with pytest.raises(exceptions.NotReached, match="refused"):
            Client(endpoint, retry=retry).volumes.logout("v")
    assert len(times.slept) == 2


def test_what_is_gone_after_a_lost_answer_was_taken_away(play):
    client, _ = play(hang_up, answers(status="404 Not Found"))
    assert client.volumes.logout("v", "n1:v") is None


@pytest.mark.parametrize("acts", [[], [UNAVAILABLE]])
def test_what_was_never_there_is_not_found(play, acts):
    client, _ = play(*acts, answers(status="404 Not Found"))
    with pytest.raises(exceptions.HTTPNotFound):
        client.volumes.logout("v", "n1:v")


@pytest.mark.parametrize(
    "status", ["400 No", "401 No", "403 No", "404 No", "409 No", "500 No"]
)
def test_a_refusal_is_final(play, status):
    client, server = play(answers(status=status))
    with pytest.raises(exceptions.HTTPException):
        client.volumes.list()
    assert len(server.heard) == 1


def test_attempts_are_few(play, times):
    client, server = play(*[reset] * 9)
    with pytest.raises(exceptions.ConnectionLost, match="reset"):
        client.volumes.list()
    assert len(server.heard) == 3
    assert times.slept[0] <= 0.5
    assert times.slept[1] <= 1.0


def test_the_time_that_volt_tells_is_waited_and_more(play, times):
    client, _ = play(UNAVAILABLE, answers([]))
    client.volumes.list()
    assert 2.0 <= times.slept[0] <= 4.0


def test_a_wait_beyond_the_deadline_is_not_begun(play, times):
    client, server = play(UNAVAILABLE, deadline=1.9)
    with pytest.raises(exceptions.HTTPServiceUnavailable) as failed:
        client.volumes.list()
    assert (times.slept, len(server.heard)) == ([], 1)
    assert failed.value.retry_after == 2.0
    assert failed.value.error_code == "unavailable"


def test_a_pause_that_was_overslept_leaves_time_for_an_attempt(times):
    told = []

    def attempt(left):
        told.append(left)
        raise exceptions.NotReached("nobody there")

    def oversleep(seconds):
        times.sleep(seconds + 60)

    retry = Retry(clock=lambda: times.now, sleep=oversleep)
    with pytest.raises(exceptions.NotReached):
        retry.run(attempt, repeat=True)
    assert told[0] == 20.0
    assert len(told) == 2
    assert 0 < told[1] < 1


@pytest.mark.parametrize("told", ["soon", "-1", "1e9", "9" * 99, ""])
def test_a_senseless_time_to_wait_is_passed_over(play, times, told):
    client, _ = play(answers(status="503 No", Retry_After=told), answers([]))
    client.volumes.list()
    assert times.slept[0] <= 0.5


def test_what_failed_together_does_not_come_back_together(times):
    """1 000 nodes: their pauses fill the time, none stand out."""
    pauses = []
    for _ in range(1000):
        retry = Retry(clock=lambda: 0.0, sleep=pauses.append, attempts=2)
        with pytest.raises(exceptions.NotReached):
            retry.run(fail, repeat=True)
    assert 0.0 <= min(pauses) < 0.05
    assert 0.45 < max(pauses) <= 0.5
    assert 0.2 < statistics.mean(pauses) < 0.3


def fail(left):
    raise exceptions.NotReached("nobody there")


def test_a_volt_that_is_away_is_asked_once_a_call_until_it_is_back(play):
    client, server = play(
        reset, reset, reset, reset, answers([]), reset, answers([])
    )
    for heard in (3, 4):
        with pytest.raises(exceptions.ConnectionLost):
            client.volumes.list()
        assert len(server.heard) == heard
    assert client.volumes.list() == []
    assert client.volumes.list() == []
    assert server.acts == []


def test_a_slow_answer_is_not_asked_for_twice(play):
    client, server = play(silence)
    client = Client(server.endpoint, timeout=0.2)
    with pytest.raises(exceptions.CommunicationError, match="timed out"):
        client.volumes.list()
    assert len(server.heard) == 1


def test_an_answer_that_drips_ends_at_the_deadline(play):
    _, server = play(drips)
    client = Client(server.endpoint, retry=Retry(deadline=0.3))
    with pytest.raises(exceptions.CommunicationError, match="timed out"):
        client.volumes.list()


def test_a_silent_volt_is_given_up_at_the_deadline_too(play):
    _, server = play(silence)
    client = Client(server.endpoint, timeout=600, retry=Retry(deadline=0.2))
    with pytest.raises(exceptions.CommunicationError, match="timed out"):
        client.volumes.list()


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[[[[[",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"[" * 200000,
    ],
)
def test_garbage_is_no_answer_and_not_asked_for_again(play, garbage):
    client, server = play(says(garbage))
    with pytest.raises(exceptions.CommunicationError):
        client.volumes.list()
    assert len(server.heard) == 1


def test_an_answer_that_breaks_off_is_asked_for_again(play):
    half = says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[")
    client, server = play(half, answers([]))
    assert client.volumes.list() == []
    assert server.acts == []


def test_the_token_does_not_follow_to_another_host(play):
    _, other = play(answers([]))
    client, first = play(answers(status="302 Go", Location=other.endpoint))
    client = Client(first.endpoint, token="secret")
    client.volumes.list()
    assert b"secret" in first.heard[0]
    assert b"secret" not in other.heard[0]
    assert other.heard[0].startswith(b"GET / HTTP/1.1")


def test_a_ring_of_redirections_ends(play):
    _, server = play()
    here = answers(status="302 Go", Location=server.endpoint)
    server.acts += [here] * 20
    with pytest.raises(exceptions.CommunicationError):
        Client(server.endpoint).volumes.list()
    assert len(server.heard) < 10


def test_only_what_passes_gives_hope():
    lost = exceptions.ConnectionLost("x")
    assert hope(lost, repeat=True) == 0.0
    assert hope(lost, repeat=False) is None
    assert hope(exceptions.CommunicationError("x"), repeat=True) is None
    assert hope(exceptions.InvalidEndpoint("x"), repeat=True) is None
