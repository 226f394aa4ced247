# SPDX-License-Identifier: Apache-2.0
"""The XML-RPC door, through a real socket of the loopback."""

from __future__ import annotations

import concurrent.futures
import contextlib
import gzip
import http.client
import re
import socket
import struct
import threading
import time
import xmlrpc.client

import pytest
from fake_portals import PATIENCE

from virtman.compute import Virtman
from virtman.exception import ConfigError
from virtman.rpc import dispatch
from virtman.rpc import xmlrpc as door_module
from virtman.rpc.xmlrpc import METHODS, Door

CALL = xmlrpc.client.dumps((), "list").encode()


class Verbs(Virtman):
    """Answers with what it was called with; ``together`` holds calls up."""

    def __init__(self):
        self.together = threading.Barrier(1)
        self.error = None
        self.instances = ["vm1:volume-a"]

    def create(self, instance, image, connections, snapshot=None):
        self.together.wait(PATIENCE)
        return f"0:{instance} {image} {connections} {snapshot}"

    def destroy(self, instance):
        return f"0:{instance}"

    def list(self):
        if self.error:
            raise self.error
        return self.instances

    def list_inactive(self):
        return ["vm2:volume-a"]

    def create_image_target(self, image, path, loop=None, prefix="iqn:"):
        return f"0:{image} {path} {loop} {prefix}"

    def destroy_image_target(self, image):
        return f"0:{image}"

    def list_image_target(self):
        return ["volume-a:1:/dev/loop0"]


@pytest.fixture
def verbs():
    return Verbs()


@pytest.fixture
def door(verbs):
    with Door("127.0.0.1", 0, verbs) as opened:
        thread = threading.Thread(
            target=opened.serve_forever, args=(0.01,), daemon=True
        )
        thread.start()
        yield opened
        opened.shutdown()
        thread.join(PATIENCE)


@pytest.fixture
def address(door):
    return door.server_address


@pytest.fixture
def proxy(address):
    return caller(address)


def caller(address, path="/RPC2"):
    host, port = address
    return xmlrpc.client.ServerProxy(
        f"http://{host}:{port}{path}", allow_none=True
    )


def post(address, body, **headers):
    """Send a body with odd headers; return the status and the answer."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
    try:
        connection.putrequest("POST", "/RPC2")
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_methods_answer_by_position(proxy):
    assert proxy.create("vm1", "a", {"target_lun": 1}, "/dev/sdb") == (
        "0:vm1 a {'target_lun': 1} /dev/sdb"
    )
    assert proxy.destroy("vm1") == "0:vm1"
    assert proxy.list() == ["vm1:volume-a"]
    assert proxy.list_inactive() == ["vm2:volume-a"]
    assert proxy.create_image_target("a", "/a", "/dev/loop7", "iqn.x:") == (
        "0:a /a /dev/loop7 iqn.x:"
    )
    assert proxy.destroy_image_target("a") == "0:a"
    assert proxy.list_image_target() == ["volume-a:1:/dev/loop0"]


def test_none_may_be_given_and_what_is_optional_left_out(proxy):
    assert proxy.create("vm1", "a", [], None) == "0:vm1 a [] None"
    assert proxy.create("vm1", "a", []) == "0:vm1 a [] None"
    assert proxy.create_image_target("a", "/a") == "0:a /a None iqn:"
    assert proxy.create_image_target("a", "/a", None).endswith("None iqn:")


def test_none_may_be_answered(proxy, verbs):
    verbs.instances = None
    assert proxy.list() is None


def test_the_methods_can_be_asked_for(proxy):
    assert set(proxy.system.listMethods()) == {
        *METHODS, "system.listMethods", "system.methodHelp",
        "system.methodSignature",
    }  # fmt: skip


def test_nothing_else_of_the_object_can_be_called(proxy):
    for name in ("_node", "together.wait", "error", "register_function"):
        with pytest.raises(xmlrpc.client.Fault, match="not supported"):
            getattr(proxy, name)()


def test_another_path_is_not_found(address):
    with pytest.raises(xmlrpc.client.ProtocolError, match="404"):
        caller(address, "/elsewhere").list()


def test_calls_run_side_by_side(address, verbs):
    verbs.together = threading.Barrier(5)
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = pool.map(
            lambda number: caller(address).create(f"vm{number}", "a", []),
            range(5),
        )
        assert len(list(answers)) == 5


def test_a_burst_of_callers_is_answered(address):
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = pool.map(lambda _: caller(address).list(), range(40))
        assert list(answers) == [["vm1:volume-a"]] * 40


def test_a_fault_reaches_the_caller_and_the_door_stays_open(
    proxy, verbs, caplog
):
    verbs.error = KeyError("a fault")
    with pytest.raises(xmlrpc.client.Fault) as fault:
        proxy.list()
    assert fault.value.faultString == "internal error, see the agent's log"
    assert "KeyError: 'a fault'" in caplog.text
    verbs.error = None
    assert proxy.list()


@pytest.mark.parametrize(
    "body",
    [b"", b"not xml", b"<methodCall>", b"\xff\xfe\0", b"<a/>",
     b"<?xml version='1.0'?><methodCall><methodName>list</methodName>",
     CALL.replace(b"list", b"none"), CALL.replace(b"list", b"")],
)  # fmt: skip
def test_a_body_that_is_no_call_does_no_harm(address, proxy, body):
    status, answer = post(address, body, Content_Length=str(len(body)))
    assert status in (200, 500)
    if status == 200:
        with pytest.raises(xmlrpc.client.Fault):
            xmlrpc.client.loads(answer)
    assert proxy.list() == ["vm1:volume-a"]


@pytest.mark.parametrize(
    "length", ["1048577", "99999999999", "-1", "x", "", "1e3", "\xb2"]
)
def test_a_body_of_no_sane_length_is_refused_unread(address, proxy, length):
    status, _ = post(address, b"", Content_Length=length)
    assert status == 413
    assert proxy.list() == ["vm1:volume-a"]


def test_a_body_without_a_length_is_refused(address, proxy):
    assert post(address, b"", Transfer_Encoding="chunked")[0] == 413
    assert proxy.list()


@pytest.mark.parametrize(
    ("method", "arguments", "code", "reason"),
    [
        ("nothing", (), dispatch.NO_METHOD, "the method 'nothing' is not"),
        ("create", ("vm1",), dispatch.WRONG_ARGUMENTS,
         "create takes: instance, image, connections, [snapshot]"),
        ("list", (1,), dispatch.WRONG_ARGUMENTS, "list takes: nothing"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_told_what_would_be_right(
    proxy, method, arguments, code, reason
):
    with pytest.raises(xmlrpc.client.Fault, match=re.escape(reason)) as fault:
        getattr(proxy, method)(*arguments)
    assert fault.value.faultCode == code


def test_what_xml_cannot_write_is_written_as_python_would(proxy, verbs):
    verbs.instances = ["a\x1b[0m\0\ud800b\tc"]
    assert proxy.list() == [r"a\x1b[0m\x00\ud800b" + "\tc"]


def test_a_packed_body_is_refused(address):
    """A megabyte of it could become twenty."""
    packed = gzip.compress(CALL)
    status, _ = post(
        address, packed, Content_Length=len(packed), Content_Encoding="gzip"
    )
    assert status == 415


def test_a_body_that_ends_before_its_length_is_no_call(address, verbs):
    verbs.instances = None
    with socket.create_connection(address, PATIENCE) as wire:
        wire.sendall(b"POST /RPC2 HTTP/1.0\r\nContent-Length: 999\r\n\r\n")
        wire.sendall(CALL)
        wire.shutdown(socket.SHUT_WR)
        assert wire.makefile("rb").readline().startswith(b"HTTP/1.0 400")


def test_a_header_that_makes_no_sense_costs_no_answer(address, verbs):
    verbs.instances = ["x" * 3000]
    status, answer = post(
        address, CALL, Content_Length=len(CALL), Accept_Encoding="gzip;q=1..2"
    )
    assert (status, answer.count(b"x" * 3000)) == (200, 1)


def test_a_caller_that_dawdles_is_told_so_in_the_end(verbs, monkeypatch):
    monkeypatch.setattr(door_module._Handler, "whole", 0.2)
    with Door("127.0.0.1", 0, verbs) as opened:
        thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
        thread.start()
        with socket.create_connection(opened.server_address, 0.02) as slow:
            slow.sendall(b"POST /RPC2 HTTP/1.0\r\nContent-Length: 999\r\n\r\n")
            answer = drip(slow)
        opened.shutdown()
        thread.join(PATIENCE)
    assert answer.startswith(b"HTTP/1.0 408")


def drip(wire):
    """Send a byte now and then until there is an answer."""
    for _ in range(999):
        wire.sendall(b"x")
        with contextlib.suppress(TimeoutError):
            return wire.recv(100)
    raise AssertionError("nobody minded")


def test_a_caller_that_goes_away_is_a_line_in_the_log(
    address, proxy, caplog, capfd
):
    caplog.set_level("INFO")
    with socket.create_connection(address, PATIENCE) as wire:
        wire.sendall(b"POST /RPC2 HTTP/1.0\r\nContent-Length: 9")
        # With the linger time of 0 a close is a reset.
        wire.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    end = time.monotonic() + PATIENCE
    while "127.0.0.1 went away" not in caplog.text:
        assert time.monotonic() < end
        proxy.list()
    assert "Traceback" not in caplog.text + capfd.readouterr().err


def test_the_largest_body_is_read(proxy):
    text = "x" * (1 << 19)
    assert proxy.destroy(text) == f"0:{text}"


def test_a_caller_that_says_nothing_keeps_nobody_waiting(verbs, monkeypatch):
    monkeypatch.setattr(door_module._Handler, "timeout", 0.05)
    with Door("127.0.0.1", 0, verbs) as opened:
        thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
        thread.start()
        silent = socket.create_connection(opened.server_address, PATIENCE)
        half = socket.create_connection(opened.server_address, PATIENCE)
        half.sendall(b"POST /RPC2 HTTP/1.0\r\nContent-Length: 9\r\n\r\n<a")
        assert caller(opened.server_address).list()
        opened.shutdown()
        thread.join(PATIENCE)
    # Closed: the door did not wait for either of them.
    silent.close()
    half.close()


def test_every_connection_has_a_deadline_by_default():
    assert door_module._Handler.timeout


def test_a_call_that_runs_is_finished_before_the_door_closes(verbs):
    verbs.together = threading.Barrier(2)
    opened = Door("127.0.0.1", 0, verbs)
    thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
    thread.start()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        call = pool.submit(
            caller(opened.server_address).create, "vm1", "a", []
        )
        while not verbs.together.n_waiting:
            assert not call.done()
        opened.shutdown()
        closing = pool.submit(opened.server_close)
        verbs.together.wait(PATIENCE)
        assert call.result(PATIENCE).startswith("0:vm1")
        closing.result(PATIENCE)
    thread.join(PATIENCE)


def test_a_port_in_use_is_named_with_the_remedy(door, verbs):
    host, port = door.server_address
    with pytest.raises(ConfigError) as refused:
        Door(host, port, verbs)
    message = str(refused.value)
    assert f"cannot serve on {host}:{port}" in message
    assert "another virtman-server" in message


def test_an_address_of_another_host_is_named_with_the_option(verbs):
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:0.*rpc_host must be"):
        Door("192.0.2.1", 0, verbs)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "::g"])
def test_an_address_that_is_none_is_named(verbs, host):
    with pytest.raises(ConfigError, match=f"cannot serve on .*{host}"):
        Door(host, 0, verbs)
