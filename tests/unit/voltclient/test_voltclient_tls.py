# SPDX-License-Identifier: Apache-2.0
"""TLS: whom the client believes, and what it shows of itself."""

import ssl

import pytest
import trustme

from voltclient import Client, exceptions


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger():
    return trustme.CA()


@pytest.fixture
def context(authority):
    """What the stub shows: a certificate of the authority."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


@pytest.fixture
def endpoint(stub, context):
    stub.socket = context.wrap_socket(stub.socket, server_side=True)
    stub.answer("GET /v1/volumes", [])
    return stub.endpoint.replace("http:", "https:")


@pytest.fixture
def cacert(authority, tmp_path):
    return written(authority.cert_pem, tmp_path / "ca.pem")


def written(blob, path):
    blob.write_to_path(path)
    return str(path)


def test_a_server_that_the_authority_vouches_for_is_believed(endpoint, cacert):
    assert Client(endpoint, cacert=cacert).volumes.list() == []


def test_a_server_that_nobody_vouches_for_is_not(endpoint, stranger, tmp_path):
    with pytest.raises(exceptions.SSLCertificateError, match="verify"):
        Client(endpoint).volumes.list()
    other = written(stranger.cert_pem, tmp_path / "other.pem")
    with pytest.raises(exceptions.SSLCertificateError, match="verify"):
        Client(endpoint, cacert=other).volumes.list()


def test_a_certificate_of_another_host_is_not(endpoint, cacert):
    """The certificate is for the address, the name is another."""
    endpoint = endpoint.replace("127.0.0.1", "localhost")
    with pytest.raises(exceptions.SSLCertificateError, match="localhost"):
        Client(endpoint, cacert=cacert).volumes.list()


@pytest.mark.filterwarnings("ignore:Unverified")
def test_who_asks_for_it_believes_anybody(endpoint):
    assert Client(endpoint, insecure=True).volumes.list() == []


@pytest.fixture
def demanding(context, authority):
    """Have the stub serve those alone who show a certificate."""
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)


def test_a_client_shows_its_certificate(
    demanding, endpoint, authority, cacert, tmp_path
):
    mine = authority.issue_cert("node@volt")
    key = written(mine.private_key_pem, tmp_path / "key.pem")
    cert = written(mine.cert_chain_pems[0], tmp_path / "cert.pem")
    both = written(mine.private_key_and_cert_chain_pem, tmp_path / "both.pem")
    for files in (
        {"cert_file": cert, "key_file": key},
        {"cert_file": both},
    ):
        client = Client(endpoint, cacert=cacert, **files)
        assert client.volumes.list() == []


def test_without_it_nothing_is_served(demanding, endpoint, cacert):
    with pytest.raises(
        (exceptions.SSLCertificateError, exceptions.ConnectionLost)
    ):
        Client(endpoint, cacert=cacert).volumes.list()


def test_a_key_of_another_certificate_is_told(
    endpoint, authority, cacert, tmp_path
):
    mine, other = (authority.issue_cert("node@volt") for _ in range(2))
    key = written(other.private_key_pem, tmp_path / "key.pem")
    cert = written(mine.cert_chain_pems[0], tmp_path / "cert.pem")
    client = Client(endpoint, cacert=cacert, cert_file=cert, key_file=key)
    with pytest.raises(exceptions.SSLConfigurationError, match=r"cert\.pem"):
        client.volumes.list()


def test_the_command_takes_all_of_it_from_the_environment(
    volt, demanding, endpoint, authority, cacert, tmp_path
):
    mine = authority.issue_cert("node@volt")
    both = written(mine.private_key_and_cert_chain_pem, tmp_path / "both.pem")
    done = volt(
        *("volume", "list", "-f", "json"),
        VOLT_URL=endpoint,
        OS_CACERT=cacert,
        OS_CERT=both,
    )
    assert (done.status, done.out, done.err) == (0, "[]\n", "")


def test_the_command_says_who_could_vouch(volt, endpoint):
    done = volt("volume", "list", VOLT_URL=endpoint)
    assert done.status == 3
    assert done.err.count("\n") == 1
    assert "--os-cacert" in done.err


@pytest.mark.parametrize("how", [{"VOLT_INSECURE": "1"}, {}])
def test_the_command_does_not_nag_who_asked_for_it(volt, endpoint, how):
    option = [] if how else ["-k"]
    done = volt(
        "volume", "list", "-f", "json", *option, VOLT_URL=endpoint, **how
    )
    assert (done.status, done.out, done.err) == (0, "[]\n", "")
