# SPDX-License-Identifier: Apache-2.0
"""Who is let in at the door: this host, or who shows a secret of the file."""

from __future__ import annotations

import base64
import logging
import threading
import xmlrpc.client

import pytest
from fake_portals import PATIENCE

from virtman.compute import Virtman
from virtman.exception import ConfigError
from virtman.rpc import token
from virtman.rpc.xmlrpc import Door
from virtmanclient import exceptions, vmtapi
from virtmanclient.client import Client

SECRET = "0123456789abcdef"
OTHER = "fedcba9876543210"


class Verbs(Virtman):
    """Only lists; ``asked`` counts how often a call came through."""

    def __init__(self):
        self.asked = 0

    def list(self):
        self.asked += 1
        return ["vm1:volume-a"]


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "rpc-token", f"# ours\n\n{SECRET}\n{OTHER}\n")


def write(path, text, mode=0o600):
    path.touch(mode)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def verbs():
    return Verbs()


@pytest.fixture
def node(verbs, file):
    """A door that wants a secret; its host and port."""
    secrets = token.Secrets(file)
    with Door("127.0.0.1", 0, verbs, secrets) as opened:
        thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{opened.server_address[1]}"
        opened.shutdown()
        thread.join(PATIENCE)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("VIRTMAN_TOKEN", "VIRTMAN_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_each_secret_of_the_file_opens(node, secret):
    assert vmtapi.list(node, token=secret) == ["vm1:volume-a"]
    assert Client(node, token=secret).list() == ["vm1:volume-a"]


def test_the_standard_library_alone_can_show_it(node):
    door = xmlrpc.client.ServerProxy(f"http://virtman:{SECRET}@{node}/RPC2")
    assert door.list() == ["vm1:volume-a"]


@pytest.mark.parametrize("secret", [None, "x" * 16, SECRET[:-1], SECRET + "0"])
def test_without_it_nothing_is_done_and_the_log_says_who_came(
    node, verbs, caplog, secret
):
    with pytest.raises(vmtapi.ProtocolError) as refused:
        vmtapi.list(node, token=secret)
    assert refused.value.errcode == 401
    assert verbs.asked == 0
    assert "127.0.0.1 showed no valid secret" in caplog.text
    for text in (caplog.text, str(refused.value)):
        assert SECRET not in text
        assert secret is None or secret not in text


def test_the_names_of_the_methods_are_not_told_either(node):
    door = xmlrpc.client.ServerProxy(f"http://{node}/RPC2")
    with pytest.raises(xmlrpc.client.ProtocolError, match="401"):
        door.system.listMethods()


def test_a_client_is_told_the_remedy(node):
    with pytest.raises(exceptions.NotAdmitted, match="--token-file"):
        Client(node).list()


def test_the_largest_call_without_a_secret_is_answered(node):
    with pytest.raises(vmtapi.ProtocolError, match="401"):
        vmtapi.destroy(node, "x" * (1 << 19))


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !", "Basic \xff", basic(SECRET), f"Bearer {SECRET}",
     basic(f"{SECRET}:"), basic(":"), "Basic " + "=" * 99],
)  # fmt: skip
def test_a_header_that_is_no_password_opens_nothing(file, header):
    assert not token.Secrets(file).admit(header)


@pytest.mark.parametrize("user", ["virtman", "", "anybody"])
def test_the_name_of_the_user_does_not_count(file, user):
    assert token.Secrets(file).admit(basic(f"{user}:{SECRET}"))


def test_a_secret_that_is_exchanged_needs_no_new_agent(node, file):
    file.write_text(f"{OTHER}\n")
    assert vmtapi.list(node, token=OTHER)
    with pytest.raises(vmtapi.ProtocolError):
        vmtapi.list(node, token=SECRET)


def test_a_file_that_is_gone_opens_nothing_and_is_named(file, caplog):
    secrets = token.Secrets(file)
    file.unlink()
    assert not secrets.admit(basic(f"virtman:{SECRET}"))
    assert (
        f"the XML-RPC door refuses every caller: rpc_token_file {file}"
        in caplog.text
    )


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("", 0o600, "has no secret"),
        ("# only this\n", 0o600, "has no secret"),
        ("short\n", 0o600, "line 1: a secret has at least 16"),
        (f"{SECRET}\n\u00e4{SECRET}\n", 0o600, "line 2"),
        (f"{SECRET}\n", 0o644, "mode 644"),
        (f"{SECRET}\n", 0o602, "mode 602"),
    ],
)
def test_a_file_that_is_not_safe_ends_the_agent(tmp_path, text, mode, says):
    made = write(tmp_path / "token", text, mode)
    with pytest.raises(ConfigError, match=says) as refused:
        token.Secrets(made)
    assert str(made) in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1"])
def test_this_host_alone_needs_no_secret(settings, host):
    assert token.load(settings(rpc_host=host)) is None


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "::", "n1.example"])
def test_the_network_needs_one_and_the_remedies_are_named(settings, host):
    with pytest.raises(ConfigError, match=host) as refused:
        token.load(settings(rpc_host=host))
    for remedy in (
        "rpc_token_file", "rpc_host = 127.0.0.1", "rpc_noauth_anywhere = true",
    ):  # fmt: skip
        assert remedy in str(refused.value)


def test_an_open_network_is_served_if_the_operator_insists(settings, caplog):
    options = settings(rpc_host="192.0.2.1", rpc_noauth_anywhere="true")
    assert token.load(options) is None
    assert [r.levelno for r in caplog.records] == [logging.WARNING]


def test_a_secret_is_asked_for_on_this_host_too_if_there_is_one(
    settings, file
):
    options = settings(
        rpc_host="127.0.0.1", rpc_token_file=file, rpc_noauth_anywhere="true"
    )
    secrets = token.load(options)
    assert secrets is not None
    assert not secrets.admit(None)


def test_the_door_stands_at_the_hosts_address_unless_said(settings):
    assert settings(host_ip="192.0.2.1").rpc_host == "192.0.2.1"
