# SPDX-License-Identifier: Apache-2.0
"""volt-api over TLS, asked by voltclient and by the command ``volt``."""

import os
import subprocess
import sys

import pytest
import trustme
from volt_process import ROOT, TOKEN

from voltclient import Client, exceptions


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def files(authority, tmp_path):
    """The authority, volt's certificate and key, and a node's."""
    served = authority.issue_cert("127.0.0.1")
    node = authority.issue_cert("node@volt")
    pems = {
        "ca": authority.cert_pem,
        "cert": served.cert_chain_pems[0],
        "key": served.private_key_pem,
        "node": node.private_key_and_cert_chain_pem,
    }
    for name in pems:
        path = tmp_path / f"{name}.pem"
        pems[name].write_to_path(path)
        path.chmod(0o600)
    return {name: str(tmp_path / f"{name}.pem") for name in pems}


def https(volt):
    return volt.endpoint.replace("http:", "https:")


@pytest.fixture
def endpoint(new_volt, files):
    volt = new_volt(cert_file=files["cert"], key_file=files["key"])
    return https(volt.start())


def test_who_knows_the_authority_is_served(endpoint, files):
    client = Client(endpoint, token=TOKEN, cacert=files["ca"])
    client.volumes.get("v")
    assert [one.id for one in client.volumes.list()] == ["v"]


def test_who_does_not_shows_no_token(endpoint):
    with pytest.raises(exceptions.SSLCertificateError, match="verify"):
        Client(endpoint, token=TOKEN).volumes.list()


def test_plain_http_is_no_way_in(endpoint):
    client = Client(endpoint.replace("https:", "http:"), token=TOKEN)
    with pytest.raises(exceptions.CommunicationError):
        client.volumes.list()


def test_a_node_shows_its_certificate_where_volt_asks_for_it(new_volt, files):
    volt = new_volt(
        cert_file=files["cert"],
        key_file=files["key"],
        ca_file=files["ca"],
    ).start()
    trusted = {"token": TOKEN, "cacert": files["ca"]}
    with pytest.raises(
        # It depends on who is faster: TLS says it, or the end of the line.
        (exceptions.SSLCertificateError, exceptions.ConnectionLost)
    ):
        Client(https(volt), **trusted).volumes.list()
    client = Client(https(volt), **trusted, cert_file=files["node"])
    assert client.volumes.list() == []


def test_the_command_speaks_tls_as_the_environment_says(endpoint, files):
    def volt(**environ):
        return subprocess.run(
            [sys.executable, "-m", "voltclient.shell", "volume", "list"],
            cwd=ROOT,
            env=os.environ
            | {"VOLT_URL": endpoint, "VOLT_TOKEN": TOKEN}
            | environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = volt(OS_CACERT=files["ca"])
    assert (done.returncode, done.stderr) == (0, "")
    done = volt(VOLT_INSECURE="yes")
    assert (done.returncode, done.stderr) == (0, "")
    done = volt()
    assert (done.returncode, done.stdout) == (3, "")
    assert "--os-cacert" in done.stderr
