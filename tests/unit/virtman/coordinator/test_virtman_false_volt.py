# SPDX-License-Identifier: Apache-2.0
"""What a false volt answers reaches no command, no file and no log whole."""

from __future__ import annotations

import json

import false_volt
import pytest
from false_volt import ASSIGNMENT, IMAGE, OTHER, SOURCE, FalseVolt

from virtman import privsep
from virtman.admission.credentials import Credentials
from virtman.coordinator.protocol import VoltAway
from virtman.coordinator.volt import Volt
from virtman.drivers.connector import Connector
from virtman.exception import NoSource
from virtman.model import PeerAddress, PeerReport
from virtman.path import CONNECTIONS_MAX, Login, Source

SEAT = PeerAddress(
    "volume-a", "10.0.0.1", 3260, false_volt.IQN, 1, "10.0.0.1:v"
)
FIRST = Source("10.0.0.2", 3260, false_volt.IQN, 1)
SECOND = Source("10.0.0.3", 3260, false_volt.IQN, 1)


@pytest.fixture(scope="module")
def server():
    made = FalseVolt()
    yield made
    made.end()


@pytest.fixture
def credentials(tmp_path):
    return Credentials(
        tmp_path / "w.json", ("10.0.0.1", 3260), lambda: "iqn.2026-01.lab:n1"
    )


@pytest.fixture
def master(server, credentials):
    return Volt(server.endpoint, "token", credentials=credentials)


def named(master, server, answer):
    """Return the sources of an assignment, and of the same in a beat."""
    server.answer = answer
    told = [list(master.assign(SEAT).sources)]
    server.answer = {"beat_after": 5.0, "peers": [answer]}
    peers = master.beat([PeerReport(SEAT)]).assignments
    return [*told, *(list(one.sources) for one in peers.values())]


def test_what_is_right_is_taken_as_it_was_told(master, server, credentials):
    server.answer = ASSIGNMENT
    told = master.assign(SEAT)
    assert told.sources == (FIRST, SECOND)
    assert told.peer_id == "10.0.0.1:volume-a"
    assert (told.image.sectors, told.beat_after) == (4096, 5.0)
    assert credentials.key.hex() == false_volt.KEY
    assert credentials.ticket(FIRST).text == false_volt.TICKET["text"]
    server.answer = IMAGE
    assert master.servers("volume-a") == (FIRST, SECOND)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.2", "fe80::1%eth0.5", "::ffff:10.0.0.1", "node_1", "a-b.example",
     "node1.", "0xg", "1a", "1.2.3.a", "localhost", "h" * 253],
)  # fmt: skip
def test_a_host_that_may_be_is_taken(master, server, host):
    server.answer = IMAGE | {"sources": [SOURCE | {"host": host}]}
    (source,) = master.servers("volume-a")
    assert source.host == host


@pytest.mark.parametrize("field", false_volt.OF_SOURCE)
def test_a_source_with_one_bad_value_is_left_out_and_named(
    master, server, credentials, caplog, field
):
    for value in false_volt.OF_SOURCE[field]:
        caplog.clear()
        master._client._answers._logged.retain(())
        bad = SOURCE | {field: value}
        told = named(master, server, ASSIGNMENT | {"stripes": [[bad, OTHER]]})
        assert told == [[SECOND], [SECOND]], value
        server.answer = IMAGE | {"sources": [bad, OTHER]}
        assert master.servers("volume-a") == (SECOND,), value
        (line,) = caplog.messages
        assert f"a malformed source's {field}" in line
        assert line.isprintable()
        assert len(line) < 400
    assert credentials.ticket(FIRST) is None


@pytest.mark.parametrize("field", false_volt.OF_TICKET)
def test_a_source_with_a_bad_ticket_is_left_out_and_no_secret_is_shown(
    master, server, credentials, caplog, field
):
    for value in false_volt.OF_TICKET[field]:
        caplog.clear()
        master._client._answers._logged.retain(())
        bad = SOURCE | {"ticket": false_volt.TICKET | {field: value}}
        told = named(master, server, ASSIGNMENT | {"stripes": [[bad, OTHER]]})
        assert told == [[SECOND], [SECOND]], value
        (line,) = caplog.messages
        assert line.isprintable()
        for secret in (false_volt.TICKET["secret"], false_volt.TICKET["text"]):
            assert secret not in line
        if field != "user" and isinstance(value, str) and len(value) > 5:
            assert value not in line
    assert credentials.ticket(FIRST) is None


@pytest.mark.parametrize("field", false_volt.OF_IMAGE)
def test_an_answer_with_a_bad_image_is_refused(
    master, server, credentials, caplog, field
):
    for value in false_volt.OF_IMAGE[field]:
        caplog.clear()
        bad = ASSIGNMENT | {"image": IMAGE | {field: value}}
        server.answer = bad
        with pytest.raises(VoltAway) as failed:
            master.assign(SEAT)
        assert f"image's {field}" in str(failed.value)
        assert str(failed.value).isprintable()
        assert credentials.ticket(FIRST) is None
    server.answer = {"peers": [bad, ASSIGNMENT | {"peer_id": "other"}]}
    assert list(master.beat([PeerReport(SEAT)]).assignments) == ["other"]
    assert "a place is not used" in caplog.text


@pytest.mark.parametrize("value", false_volt.PEER_IDS, ids=repr)
def test_a_peer_id_that_is_none_is_refused(master, server, value):
    server.answer = ASSIGNMENT | {"peer_id": value}
    with pytest.raises(VoltAway, match="peer id"):
        master.assign(SEAT)
    server.answer = {"peers": [server.answer]}
    assert master.beat([PeerReport(SEAT)]).assignments == {}


@pytest.mark.parametrize("field", false_volt.OF_ADMISSION)
def test_a_key_or_a_time_that_is_none_is_not_kept(
    master, server, credentials, field
):
    before = credentials.key
    for value in false_volt.OF_ADMISSION[field]:
        told = {"admission": false_volt.ADMISSION | {field: value}}
        for answer, ask in (
            (ASSIGNMENT, lambda: master.assign(SEAT)),
            ({"peers": []}, lambda: master.beat([])),
        ):
            server.answer = answer | told
            with pytest.raises(VoltAway) as failed:
                ask()
            if field == "key" and isinstance(value, str) and len(value) > 5:
                assert value not in str(failed.value)
    assert credentials.key == before
    assert credentials.ticket(FIRST) is None


@pytest.mark.parametrize(
    "value", ["x", [], {}, float("nan"), -1, float("inf"), 10**400], ids=repr
)
def test_a_time_to_wait_that_is_none_is_volts_failure(master, server, value):
    server.answer = ASSIGNMENT | {"beat_after": value}
    with pytest.raises(VoltAway, match="not in volt's protocol"):
        master.assign(SEAT)
    server.answer = {"peers": [], "beat_after": value}
    with pytest.raises(VoltAway, match="not in volt's protocol"):
        master.beat([])


@pytest.mark.parametrize(
    "answer",
    [None, [], "x", 7, {}, {"peer_id": None}, {"peer_id": "a", "stripes": 7},
     {"peer_id": "a", "stripes": ["x"]}, {"peer_id": "a", "stripes": [[7]]},
     {"peer_id": "a", "stripes": [[{}]]}, {"peer_id": "a", "stripes": {}},
     ASSIGNMENT | {"image": []}, ASSIGNMENT | {"admission": [7]},
     ASSIGNMENT | {"stripes": [[SOURCE | {"ticket": "x"}]]}],
    ids=lambda one: json.dumps(one)[:40],
)  # fmt: skip
def test_an_answer_of_another_shape_names_no_source(master, server, answer):
    server.answer = answer
    try:
        assert master.assign(SEAT).sources == ()
    except VoltAway as error:
        assert str(error).isprintable()


def test_a_bad_source_is_logged_once_however_often_it_is_told(
    master, server, caplog
):
    bad = ASSIGNMENT | {"stripes": [[SOURCE | {"host": "2130706433"}]]}
    for _ in range(3):
        assert named(master, server, bad) == [[], []]
    assert len(caplog.messages) == 1
    assert "'2130706433'" in caplog.text


def test_no_more_image_servers_are_taken_than_an_intent_keeps(master, server):
    many = [SOURCE | {"host": f"n{number}"} for number in range(100)]
    server.answer = IMAGE | {"sources": many}
    assert len(master.servers("volume-a")) == CONNECTIONS_MAX


@pytest.mark.parametrize("field", ["host", "port", "iqn"])
def test_no_command_is_given_a_source_that_went_past_the_first_check(
    kernel, tmp_path, monkeypatch, field
):
    """As if that check were not there."""
    written = []
    monkeypatch.setattr(
        privsep.iscsi.node_record, "write", lambda *a: written.append(a)
    )
    told = {"host": "10.0.0.2", "port": 3260, "iqn": false_volt.IQN, "lun": 1}
    sessions = Connector(tmp_path / "locks")
    for value in false_volt.OF_SOURCE[field]:
        source = Source(**(told | {field: value}), login=Login("u", "s" * 12))
        with pytest.raises((NoSource, TypeError)):
            sessions.connect(source)
    assert kernel.called("iscsiadm") == []
    assert written == []
