# SPDX-License-Identifier: Apache-2.0
"""What Cinder's driver is made of and needs no Cinder."""

import ipaddress
import types
from pathlib import Path

import pytest

from virtmanclient.cinder import attachments, volume_record
from virtmanclient.cinder.agents import AgentRefused, Agents, AgentUnreachable
from virtmanclient.cinder.options import Settings
from virtmanclient.cinder.pending_purges import PendingPurges
from virtmanclient.cinder.volume_record import Record
from virtmanclient.doors import network

VOLUME = "11111111-2222-4333-8444-555555555555"
OTHER = "22222222-2222-4333-8444-555555555555"
IMAGE = "33333333-2222-4333-8444-555555555555"


def settings(**changes):
    facts = {
        "image_server": "unix:///run/a.sock",
        "image_dir": Path("/srv"),
        "image_idle": 0,
        "networks": (ipaddress.ip_network("127.0.0.0/29"),),
        "port": 7774,
        "token_file": None,
        "timeout": 5.0,
        "state_dir": Path("/state"),
    }
    return Settings(**facts | changes)


def entry(text):
    return types.SimpleNamespace(id=VOLUME, provider_location=text)


def test_what_is_known_of_a_volume_comes_back_as_it_was_written():
    for known in (
        Record(f"{IMAGE}-1"),
        Record("i-1", "h", "10.0.0.3", True),
        Record("i-1", "h", "10.0.0.3", True, volume_record.MADE),
    ):
        assert volume_record.of(entry(known.text())) == known
    assert volume_record.of(entry(None)) is None


def test_it_fits_into_cinder_s_field():
    longest = Record(
        f"{IMAGE}-999999", "h" * 100, "f" * 39, False, volume_record.SERVER
    )
    assert len(longest.text()) <= 255


def test_a_volume_of_before_there_was_a_choice_has_its_writes_on_its_host():
    old = '{"image":"i-1","host":"h","address":"10.0.0.3","kept":true}'
    known = volume_record.of(entry(old))
    assert not known.on_server
    assert known.text() == old
    assert known.anew() == Record("i-1")


@pytest.mark.parametrize("text", ["iscsi:x", "[]", '{"what": 1}'])
def test_a_volume_of_another_driver_is_told_from_ours(text):
    with pytest.raises(ValueError, match=VOLUME):
        volume_record.of(entry(text))


def test_an_image_and_a_size_are_a_key_and_back():
    assert volume_record.parts(volume_record.sized(IMAGE, 20)) == (IMAGE, 20)
    for odd in ("x", IMAGE, f"{IMAGE}-0", f"{IMAGE}-x", f"../{IMAGE}-1"):
        assert volume_record.parts(odd) is None


@pytest.mark.parametrize("name", ["", None, 7, "../x", "a b", "x" * 101])
def test_what_is_no_host_s_name_is_none(name):
    assert not volume_record.is_host(name)
    assert volume_record.is_host("compute-1.example")


def test_a_volume_is_where_any_attachment_says():
    made = types.SimpleNamespace
    volume = made(
        volume_attachment=[
            made(connector=None, attached_host=None),
            made(connector={"host": "a"}, attached_host=None),
            made(connector=None, attached_host="b"),
        ]
    )
    assert attachments.hosts(volume) == {"a", "b"}


@pytest.mark.parametrize(
    ("connector", "elsewhere"),
    [
        ({"host": "a", "ip": "10.0.0.1"}, set()),
        ({"host": "a"}, set()),
        ({"host": "a", "ip": "10.0.0.9"}, {"a"}),
        ({"host": "b", "ip": "10.0.0.1"}, {"b"}),
    ],
)
def test_a_host_s_name_with_another_address_is_another_host(
    connector, elsewhere
):
    made = types.SimpleNamespace
    one = made(connector=connector, attached_host=None)
    volume = made(volume_attachment=[one])
    assert attachments.elsewhere(volume, "a", "10.0.0.1") == elsewhere


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("127.0.0.2", True),
        ("127.0.0.9", False),
        ("evil.example", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_operator_s_networks_are_asked(
    address, admitted
):
    agents = Agents(settings())
    assert agents.admits(address) is admitted
    if not admitted:
        with pytest.raises(AgentUnreachable, match="virtman_agent_networks"):
            agents.has(address, VOLUME)


def test_a_host_says_what_it_has_and_purges_it(node, tmp_path):
    token = tmp_path / "token"
    token.write_text("# of the agents\nsixteen characters\n")
    agents = Agents(settings(port=node.port, token_file=str(token)))
    node.instances[VOLUME] = "volume-i"
    assert agents.has(node.address, VOLUME)
    assert agents.has(node.address, "vm9"), "it was deactivated"
    assert not agents.has(node.address, OTHER)
    agents.purge(node.address, VOLUME)
    agents.purge(node.address, VOLUME)
    assert node.instances == {}
    assert all(shown.startswith("Basic ") for shown in node.shown)


def test_a_token_file_that_went_away_is_named_and_nobody_is_asked(
    node, tmp_path
):
    token = tmp_path / "token"
    token.write_text("sixteen characters\n")
    agents = Agents(settings(port=node.port, token_file=str(token)))
    token.unlink()
    with pytest.raises(AgentUnreachable, match=str(token)):
        agents.has(node.address, VOLUME)
    assert node.calls == []


def test_a_host_that_is_away_is_told_from_one_that_refuses(node, monkeypatch):
    agents = Agents(settings(port=node.port))
    monkeypatch.setattr(network.NetworkDoor, "ask", lambda *_: "2:the VM runs")
    with pytest.raises(AgentRefused, match="the VM runs"):
        agents.purge(node.address, VOLUME)
    monkeypatch.undo()
    with pytest.raises(AgentUnreachable, match="virtman-server"):
        Agents(settings(port=1)).purge("127.0.0.7", VOLUME)


class Hosts:
    """Agents of which one is away and one refuses."""

    def __init__(self):
        self.asked = []
        self.trouble = {}

    def purge(self, address, volume):
        self.asked.append((address, volume))
        if address in self.trouble:
            raise self.trouble[address]


def test_what_is_owed_is_paid_once_and_a_host_that_is_away_asked_once(
    tmp_path,
):
    hosts = Hosts()
    pending_purges = PendingPurges(tmp_path / "state", hosts)
    pending_purges.pay()
    for volume, address in ((VOLUME, "10.0.0.1"), (OTHER, "10.0.0.1")):
        pending_purges.add(volume, "a", address)
    pending_purges.add(IMAGE, "b", "10.0.0.2")
    hosts.trouble = {
        "10.0.0.1": AgentUnreachable("away"),
        "10.0.0.2": AgentRefused("runs"),
    }
    pending_purges.pay()
    assert hosts.asked == [("10.0.0.1", VOLUME), ("10.0.0.2", IMAGE)]
    hosts.trouble = {}
    again = PendingPurges(tmp_path / "state", hosts)
    again.pay()
    assert again.owed() == {}
    assert list((tmp_path / "state").iterdir()) == []


def test_each_host_owes_for_itself_until_it_is_to_have_the_volume_again(
    tmp_path,
):
    hosts = Hosts()
    pending_purges = PendingPurges(tmp_path, hosts)
    # Noted by a driver that knew of one host for each.
    (tmp_path / f"{OTHER}.json").write_text('{"host":"c","address":"c"}')
    pending_purges.add(VOLUME, "a.example", "10.0.0.1")
    pending_purges.add(VOLUME, "b.example", "10.0.0.2")
    pending_purges.drop(VOLUME, "a.example")
    pending_purges.drop(VOLUME, "nobody")
    pending_purges.pay()
    assert hosts.asked == [("10.0.0.2", VOLUME), ("c", OTHER)]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_debt_is_left_alone(tmp_path):
    (tmp_path / f"{VOLUME}.json").write_text("[]")
    (tmp_path / "x.json").write_text('{"host": "a", "address": "b"}')
    assert PendingPurges(tmp_path, Hosts()).owed() == {}
