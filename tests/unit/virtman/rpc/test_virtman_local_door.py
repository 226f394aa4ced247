# SPDX-License-Identifier: Apache-2.0
"""The door for programs of this host, through a real Unix socket."""

from __future__ import annotations

import dataclasses
import grp
import http.client
import json
import os
import socket
import threading

import pytest
from fake_node import SECTORS, SERIAL, Site
from fake_portals import PATIENCE

from virtman.compute import Virtman
from virtman.exception import ConfigError
from virtman.rpc import local, peer_credentials
from virtman.rpc.peer_credentials import Callers, Peer
from virtman.rpc.verbs import CODES, FAILED, INTERNAL, Verbs
from virtman.targets.capacity import Room

CONNECTION = {
    "target_portal": "server:3260",
    "target_iqn": "iqn.2010-10.org.openstack:volume-a",
    "target_lun": 1,
}
VM1 = {"instance": "vm1", "image": "a", "connections": [CONNECTION]}
POLL = 0.01
STRANGER = Peer(1, 4_000_000, 4_000_000)


@pytest.fixture
def site(kernel, settings, short_pauses):
    made = Site(kernel, settings())
    yield made
    made.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "agent.sock"


@pytest.fixture
def door(site, path):
    verbs = Verbs(site.node, site.images, site.stores)
    with local.serving(path, verbs, Callers(None), POLL):
        yield path


@pytest.fixture
def send(door):
    """Send a request; return the status and the answer."""

    def request(body, path="/v1/working", method="POST", **headers):
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(str(door))
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return request


@pytest.fixture
def call(send):
    """Do a verb; return the status and what came of it."""

    def verb(name, **arguments):
        status, body = send(json.dumps(arguments), f"/v1/{name}")
        answer = json.loads(body)
        return status, answer["error"]["code"] if "error" in answer else (
            answer["result"]
        )

    return verb


def test_a_disk_is_made_taken_away_with_its_data_kept_and_destroyed(call):
    path = "/dev/mapper/snapshot_vm1"
    assert call("create", **VM1) == (200, {"path": path, "created": True})
    assert call("create", **VM1) == (200, {"path": path, "created": False})
    assert call("instances") == (200, [{
        "name": "vm1", "image": "volume-a", "path": path, "store": "fine",
    }])  # fmt: skip
    assert call("deactivate", instance="vm1") == (200, {"changed": True})
    assert call("instances") == (200, [{
        "name": "vm1", "image": "volume-a", "path": None, "store": None,
    }])  # fmt: skip
    assert call("destroy", instance="vm1") == (200, {"changed": True})
    assert call("destroy", instance="vm1") == (200, {"changed": False})
    assert call("instances") == (200, [])


def test_images_tell_what_they_are_and_where_they_are_read_from(call):
    assert call("images") == (200, [])
    call("create", **VM1)
    status, (image,) = call("images")
    assert (status, image["name"]) == (200, "volume-a")
    assert (image["sectors"], image["serial"]) == (SECTORS, SERIAL)
    assert image["reads_from"] == ["server:3260"]
    assert image["failed"] == []


def test_an_image_target_is_made_listed_and_deleted(call, image):
    status, made = call("create_target", image="b", file=image)
    assert (status, made["image"]) == (200, "volume-b")
    assert call("targets") == (200, [made])
    assert call("delete_target", image="b") == (200, {"changed": True})
    assert call("delete_target", image="b") == (404, "not_found")


def test_both_doors_tell_the_same_room_for_stores(call, site, monkeypatch):
    room = Room(3 << 40, 1 << 40, 5 << 40)
    monkeypatch.setattr(site.stores, "room", lambda: room)
    assert call("room") == (200, dataclasses.asdict(room))
    answer = Virtman(site.node, site.images, site.stores).store_room()
    assert answer == f"0:{room.total} {room.free} {room.provisioned}"


def test_the_agent_says_that_it_works_and_its_version(call):
    status, result = call("working")
    assert (status, list(result)) == (200, ["version"])


@pytest.mark.parametrize("change", [
    {"instance": "../vm1"}, {"instance": "-rf"}, {"instance": 7},
    {"image": "a b"}, {"connections": []}, {"connections": "server"},
    {"connections": [{"target_portal": "server"}]}, {"store": 3},
    {"store": ""}, {"more": 1}, {"instance": "x" * 300},
    {"connections": [CONNECTION | {"target_lun": -1}]},
])  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(call, site, change):
    assert call("create", **(VM1 | change)) == (400, "invalid_request")
    assert site.held() == []


def test_a_name_of_another_images_instance_is_told_by_a_code(call):
    call("create", **VM1)
    assert call("create", **(VM1 | {"image": "b"})) == (409, "already_exists")


def test_a_failure_of_ours_is_a_sentence_and_no_traceback(
    send, site, monkeypatch, caplog
):
    monkeypatch.setattr(site.node, "instances", lambda: 1 / 0)
    status, body = send("{}", "/v1/instances")
    assert status == 500
    error = json.loads(body)["error"]
    assert error["code"] == "internal"
    assert "ZeroDivision" not in error["message"]
    assert "ZeroDivision" in caplog.text


@pytest.mark.parametrize("body", [
    "[]", "7", "null", "{", "\0", b"\xff\xfe", '{"instance": NaN}',
    "[" * 100_000,
])  # fmt: skip
def test_a_body_that_is_no_call_is_refused(send, call, body):
    status, answer = send(body, "/v1/destroy")
    assert (status, json.loads(answer)["error"]["code"]) == (
        400, "invalid_request",
    )  # fmt: skip
    assert call("working")[0] == 200


@pytest.mark.parametrize("length", ["-1", "x", "1048577", "9" * 40, "1e3"])
def test_a_body_of_no_sane_length_is_refused_unread(send, length):
    status, _ = send("{}", **{"Content-Length": length})
    assert status == 413


def test_who_is_refused_may_send_on_and_read_the_answer(door):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(PATIENCE)
        caller.connect(str(door))
        caller.sendall(b"POST /v1/working HTTP/1.1\r\nHost: agent\r\n")
        caller.sendall(b"Content-Length: 999999999\r\n\r\n")
        assert caller.recv(12) == b"HTTP/1.1 413"
        for _ in range(3):
            caller.sendall(b"x" * 1000)
        caller.shutdown(socket.SHUT_WR)
        assert b"too_large" in b"".join(iter(lambda: caller.recv(4096), b""))


@pytest.mark.parametrize(
    ("where", "status"),
    [("/", 404), ("/v1/", 404), ("/v1/nonsense", 400), ("/v1/__init__", 400),
     ("/v1/create/../working", 404), ("/RPC2", 404)],
)  # fmt: skip
def test_what_is_no_verb_is_not_found(send, where, status):
    assert send("{}", where)[0] == status


def test_nothing_but_post_is_served(send):
    assert send(None, method="GET")[0] == 501


def test_every_code_has_a_status():
    assert {*CODES.values(), FAILED, INTERNAL} <= set(local.STATUS)


def test_calls_run_side_by_side(call, site, monkeypatch):
    together = threading.Barrier(2)

    def meet():
        together.wait(PATIENCE)
        return []

    monkeypatch.setattr(site.node, "instances", meet)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(call("instances")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(200, [])] * 2


def test_a_caller_that_goes_away_is_noted_in_the_log_alone(
    site, path, monkeypatch, capfd, caplog
):
    caplog.set_level("INFO")
    asked, closed = threading.Event(), threading.Event()

    def instances():
        asked.set()
        closed.wait(PATIENCE)
        return []

    monkeypatch.setattr(site.node, "instances", instances)
    verbs = Verbs(site.node, site.images, site.stores)
    with local.serving(path, verbs, Callers(None), POLL):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
            caller.sendall(b"POST /v1/instances HTTP/1.1\r\n\r\n")
            assert asked.wait(PATIENCE)
        closed.set()
    assert "a caller went away: Broken pipe" in caplog.text
    assert capfd.readouterr().err == ""


# Who may call.


def test_whom_the_kernel_does_not_know_as_ours_is_refused(call, monkeypatch):
    monkeypatch.setattr(peer_credentials, "of", lambda connection: STRANGER)
    assert call("working") == (403, "not_admitted")


def test_the_kernel_names_the_process_at_the_other_end():
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert peer_credentials.of(here) == Peer(
            os.getpid(), os.geteuid(), os.getegid()
        )


def test_root_the_agents_user_and_one_group_are_admitted():
    group = grp.getgrgid(os.getegid())
    member = Peer(1, 4_000_000, group.gr_gid)
    assert Callers(group.gr_name).admits(member)
    assert not Callers(None).admits(member)
    assert not Callers(group.gr_name).admits(STRANGER)
    for uid in (0, os.geteuid()):
        assert Callers(None).admits(Peer(1, uid, 4_000_000))


def test_a_group_that_is_not_there_is_named_with_the_remedy():
    with pytest.raises(ConfigError, match="no such group; make it"):
        Callers("nobody-has-this-group")


def test_nobody_else_can_even_connect(door):
    assert door.stat().st_mode & 0o777 == 0o600


def test_the_umask_of_the_process_is_not_touched(site, path, monkeypatch):
    monkeypatch.setattr(os, "umask", None)
    verbs = Verbs(site.node, site.images, site.stores)
    with local.serving(path, verbs, Callers(None), POLL):
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_group_can(site, path):
    name = grp.getgrgid(os.getegid()).gr_name
    verbs = Verbs(site.node, site.images, site.stores)
    with local.serving(path, verbs, Callers(name), POLL):
        status = path.stat()
        assert (status.st_mode & 0o777, status.st_gid) == (0o660, os.getegid())


def test_the_group_gets_through_a_folder_that_is_closed(site, path):
    name = grp.getgrgid(os.getegid()).gr_name
    path.parent.mkdir(mode=0o700)
    verbs = Verbs(site.node, site.images, site.stores)
    with local.serving(path, verbs, Callers(name), POLL):
        status = path.parent.stat()
        assert (status.st_mode & 0o777, status.st_gid) == (0o710, os.getegid())


# The socket's file.


def test_the_file_goes_when_the_door_closes(site, path):
    with local.serving(
        path, Verbs(site.node, site.images, site.stores), Callers(None), POLL
    ):
        assert path.is_socket()
    assert not path.exists()


def test_the_socket_of_an_agent_that_was_killed_is_replaced(site, path):
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with local.serving(
        path, Verbs(site.node, site.images, site.stores), Callers(None), POLL
    ):
        assert path.is_socket()


def test_an_agent_that_listens_already_is_left_alone(site, door):
    verbs = Verbs(site.node, site.images, site.stores)
    with (
        pytest.raises(ConfigError, match="another virtman-server"),
        local.serving(door, verbs, Callers(None), POLL),
    ):
        pass
    assert door.is_socket()


def test_a_file_that_is_no_socket_is_left_alone(site, path):
    path.parent.mkdir()
    path.write_text("precious")
    verbs = Verbs(site.node, site.images, site.stores)
    with (
        pytest.raises(ConfigError, match="it is not a socket"),
        local.serving(path, verbs, Callers(None), POLL),
    ):
        pass
    assert path.read_text() == "precious"
