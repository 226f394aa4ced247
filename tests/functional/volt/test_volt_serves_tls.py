# SPDX-License-Identifier: Apache-2.0
"""volt-api behind TLS: who gets in, and who cannot keep others out."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
import warnings

import pytest
import trustme
from volt_process import TOKEN, until

from voltclient import Client, exceptions

both = pytest.mark.parametrize("workers", [1, 2])


class Authority:
    """Signs, and writes what it signed into a folder."""

    def __init__(self, folder, name):
        self._ca = trustme.CA()
        self._folder = folder
        self._name = name
        self.file = str(folder / f"{name}.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, name="127.0.0.1"):
        """Return the files of a new certificate and its key."""
        issued = self._ca.issue_cert(name)
        certificate = self._folder / f"{self._name}-{name}.pem"
        key = self._folder / f"{self._name}-{name}.key"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        key.touch(0o600)
        issued.private_key_pem.write_to_path(str(key))
        return {"cert_file": str(certificate), "key_file": str(key)}


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "ours")


@pytest.fixture
def stranger(tmp_path):
    return Authority(tmp_path, "strangers")


@pytest.fixture
def new_tls(new_volt, authority):
    """Start a volt-api with a certificate of the authority."""

    def start(**options):
        volt = new_volt(**authority.issue(), **options)
        volt.endpoint = volt.endpoint.replace("http:", "https:")
        return volt.start()

    return start


def connect(volt, authority, **context):
    made = ssl.create_default_context(cafile=authority.file)
    for name, value in context.items():
        setattr(made, name, value)
    plain = socket.create_connection(("127.0.0.1", volt.port), 60)
    return made.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_client_that_knows_the_authority_is_served(new_tls, authority):
    volt = new_tls()
    client = Client(volt.endpoint, token=TOKEN, cacert=authority.file)
    client.volumes.assign("v", "n1", "3260", "iqn.2026-01.x:v", "1")
    assert [one.id for one in client.volumes.list()] == ["v"]
    assert volt.end() == 0


def test_a_client_that_does_not_know_it_sends_nothing(new_tls, stranger):
    volt = new_tls()
    for wrong in ({}, {"cacert": stranger.file}):
        with pytest.raises(exceptions.SSLCertificateError):
            Client(volt.endpoint, token=TOKEN, **wrong).volumes.list()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = Client(volt.endpoint, token=TOKEN, insecure=True)
        assert client.volumes.list() == []


def test_with_ca_file_only_clients_of_that_authority_get_in(
    new_tls, authority, stranger
):
    volt = new_tls(ca_file=authority.file)

    def volumes(**shown):
        client = Client(
            volt.endpoint, token=TOKEN, cacert=authority.file, **shown
        )
        return client.volumes.list()

    assert volumes(**authority.issue("node1")) == []
    for wrong in ({}, stranger.issue("node2")):
        with pytest.raises(exceptions.BaseException):
            volumes(**wrong)
    with pytest.raises(exceptions.HTTPUnauthorized):
        Client(
            volt.endpoint, cacert=authority.file, **authority.issue("node3")
        ).volumes.list()


def test_old_versions_of_tls_are_refused(new_tls, authority):
    volt = new_tls()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with connect(volt, authority, maximum_version=version) as one:
            assert one.version() == version.name.replace("_", ".")
    context = ssl.create_default_context(cafile=authority.file)
    # Or the client's own OpenSSL would not even ask.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    plain = socket.create_connection(("127.0.0.1", volt.port), 60)
    with plain, pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def half_a_hello(volt):
    """Return a connection with the first half of a TLS handshake sent."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(
        incoming, outgoing, server_hostname="127.0.0.1"
    )
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    connection = socket.create_connection(("127.0.0.1", volt.port), 60)
    connection.sendall(hello[: len(hello) // 2])
    return connection


@both
def test_slow_handshakes_hold_up_nobody(new_tls, authority, workers):
    volt = new_tls(workers=workers)
    client = Client(volt.endpoint, token=TOKEN, cacert=authority.file)
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(half_a_hello(volt))
            stack.enter_context(
                socket.create_connection(("127.0.0.1", volt.port), 60)
            )
        for _ in range(20):
            assert client.volumes.list() == []
        # None was given up meanwhile: they were all still shaking hands.
        slow = stack.enter_context(half_a_hello(volt))
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.recv(1)
        assert volt.end() == 0


@both
def test_idle_connections_do_not_hold_up_the_end(new_tls, authority, workers):
    volt = new_tls(workers=workers, drain_timeout=3600)
    with connect(volt, authority) as connection, half_a_hello(volt):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 300 ")
        assert volt.end() == 0
    assert "Traceback" not in volt.log


def test_a_handshake_that_never_ends_is_given_up(new_tls):
    volt = new_tls()
    with half_a_hello(volt) as slow:
        assert slow.recv(1) == b""
    assert volt.end() == 0


def test_what_is_no_tls_is_dropped_without_a_fuss(new_tls, authority):
    volt = new_tls(debug=True)
    plain = http.client.HTTPConnection("127.0.0.1", volt.port, 60)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/v1/volumes")
        plain.getresponse()
    with connect(volt, authority):
        pass  # agreed on TLS, and gone
    client = Client(volt.endpoint, token=TOKEN, cacert=authority.file)
    assert client.volumes.list() == []
    volt.logged("HTTP_REQUEST")
    assert "Traceback" not in volt.log


def test_links_in_answers_are_https(new_tls, authority):
    volt = new_tls()
    with connect(volt, authority) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            b"Connection: close\r\n\r\n" % volt.port
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    (link,) = told["versions"][0]["links"]
    assert link["href"] == f"https://127.0.0.1:{volt.port}/v1/"


@both
def test_a_renewed_certificate_is_in_use_after_a_reload(
    new_tls, authority, stranger, workers
):
    volt = new_tls(workers=workers)

    def shown():
        with connect(volt, authority) as connection:
            return connection.getpeercert()["serialNumber"]

    def settled(times):
        if workers > 1:
            volt.logged(f"{workers} workers serve", times)

    settled(1)
    first = shown()
    authority.issue()
    assert shown() == first
    volt.process.send_signal(signal.SIGHUP)
    volt.logged("the new configuration is in force")
    settled(2)
    # One that was replaced may accept until it has read that it was.
    until(lambda: first not in {shown() for _ in range(9)}, "the new one")
    second = shown()
    text = volt.conf.read_text()
    wrong = stranger.issue()["key_file"]
    volt.conf.write_text(f"{text}key_file = {wrong}\n")
    volt.process.send_signal(signal.SIGHUP)
    volt.logged("the new configuration is refused")
    assert f"{wrong} is not the key of" in volt.log
    assert shown() == second


def test_a_pair_that_does_not_fit_ends_the_start(new_volt, stranger):
    files = stranger.issue() | {"key_file": stranger.issue("n")["key_file"]}
    volt = new_volt(**files).start(wait=False)
    assert volt.process.wait(60) == 1
    assert f"volt-api: key_file {files['key_file']} is not" in volt.log
