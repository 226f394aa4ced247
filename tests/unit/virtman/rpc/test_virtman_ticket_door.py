# SPDX-License-Identifier: Apache-2.0
"""The door for tickets, and who knocks there."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import threading

import pytest

from virtman import privsep
from virtman.admission import tickets
from virtman.admission.client import TicketClient
from virtman.admission.credentials import Credentials
from virtman.drivers.connector import Connector
from virtman.exception import CommandError, ConfigError, NoSource
from virtman.model import Verdict
from virtman.path import Login, Source
from virtman.rpc.ticket_door import AdmissionDoor

IQN = "iqn.2010-10.org.openstack:volume-a"
ME = "iqn.2026-01.lab:n1"
KEY = bytes(range(32))


def asked(ticket="YQ==." + "0a" * 32, target=None):
    """Return the line of one who knocks."""
    return json.dumps({"ticket": ticket, "target": target}).encode() + b"\n"


class Guests:
    """Stands for the admission: says one word, keeps what was shown."""

    def __init__(self):
        self.word = Verdict.WELCOME
        self.presented = []

    def admit(self, text, iqn):
        self.presented.append((text, iqn))
        if isinstance(self.word, Exception):
            raise self.word
        return self.word


@pytest.fixture
def guests():
    return Guests()


@pytest.fixture
def door(guests):
    made = AdmissionDoor("127.0.0.1", 0, guests)
    with made.served():
        yield made.server_address[1]


@pytest.fixture
def credentials(tmp_path):
    return Credentials(tmp_path / "w.json", ("10.0.0.1", 3260), lambda: ME)


@pytest.fixture
def source(credentials):
    """A source with a ticket, whose portal listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = Source("127.0.0.1", listener.getsockname()[1], IQN)
        credentials.keep(here, tickets.issue(KEY, IQN, ME, 1), server=False)
        yield here


@pytest.mark.parametrize("word", list(Verdict))
def test_every_word_arrives(door, guests, credentials, source, word):
    guests.word = word
    assert TicketClient(credentials, door).present(source).value == word.value
    assert guests.presented == [(credentials.ticket(source).text, IQN)]


def test_when_something_fails_there_the_target_is_not_there_yet(
    door, guests, credentials, source
):
    guests.word = CommandError(["tgtadm"], 1, "", "")
    assert TicketClient(credentials, door).present(source) is Verdict.ABSENT


@pytest.mark.parametrize(
    "line",
    [b"\n", b"[]\n", b"{}\n", b"\xff\n", b"x" * 5000, b"[" * 4000 + b"\n",
     asked(), asked(target=7), asked(target="a\nWARNING"), asked(target=""),
     asked(target=f"{IQN}/../x"), asked(ticket=7, target=IQN),
     asked(ticket="x" * 900, target=IQN), asked(ticket=None, target=IQN)],
)  # fmt: skip
def test_what_makes_no_sense_is_not_answered(door, guests, line):
    with socket.create_connection(("127.0.0.1", door), 10) as channel:
        channel.sendall(line)
        channel.shutdown(socket.SHUT_WR)
        # It may have been closed with something unread.
        with contextlib.suppress(ConnectionResetError):
            assert channel.recv(1) == b""
    assert guests.presented == []


@pytest.mark.parametrize(
    "line",
    [b"[" * 4000, b"{}", b'{"answer": []}', b'{"answer": "x"}', b"\xff"],
)
def test_an_agent_that_answers_nothing_of_sense_is_nobody(
    credentials, source, line
):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            channel, _ = listener.accept()
            with channel:
                channel.recv(4096)
                channel.sendall(line + b"\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        assert TicketClient(credentials, port).present(source) is Verdict.NONE
        thread.join()


def test_a_source_without_an_agent_or_a_ticket_is_nobody(credentials, source):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert TicketClient(credentials, port).present(source) is Verdict.NONE
    other = Source("127.0.0.1", 1, IQN)
    assert TicketClient(credentials, port).present(other) is Verdict.NONE


def test_a_port_that_is_taken_is_told_with_the_remedy(guests):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="admission_port"):
            AdmissionDoor("127.0.0.1", port, guests)


def test_a_secret_is_written_into_the_record_and_into_no_command(
    door, guests, credentials, source, kernel, tmp_path, monkeypatch
):
    written = []
    monkeypatch.setattr(
        privsep,
        "write_node_record",
        lambda iqn, portal, *, values: written.append((portal, values)) or 1,
    )
    sessions = Connector(
        tmp_path, ticket_client=TicketClient(credentials, door)
    )
    assert sessions.serves(source)
    sessions._prepare_record(source, {})
    login = credentials.ticket(source).login
    ((portal, values),) = written
    assert portal == f"127.0.0.1,{source.port}"
    assert values["node.session.auth.username"] == login.user
    assert values["node.session.auth.password"] == login.secret
    assert login.secret not in str(kernel.calls)
    assert not kernel.called("iscsiadm", "sendtargets")
    guests.word = Verdict.OPEN
    assert sessions.serves(source)
    sessions._prepare_record(source, {})
    assert len(written) == 1, "nothing is asked for there"


def test_a_ticket_that_has_run_out_makes_no_login_and_no_record(
    door, guests, credentials, source, kernel, tmp_path
):
    guests.word = Verdict.LATE
    sessions = Connector(
        tmp_path, ticket_client=TicketClient(credentials, door)
    )
    assert sessions.serves(source), "it is there"
    kernel.calls.clear()
    with pytest.raises(NoSource, match="has run out"):
        sessions.connect(source)
    assert kernel.calls == []


@pytest.mark.parametrize("word", [Verdict.ABSENT, Verdict.REFUSED])
def test_a_source_that_does_not_admit_does_not_serve(
    door, guests, credentials, source, kernel, tmp_path, word
):
    guests.word = word
    assert not Connector(
        tmp_path, ticket_client=TicketClient(credentials, door)
    ).serves(source)
    assert not kernel.called("iscsiadm")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (Verdict.ABSENT, "file is gone"),
        (Verdict.REFUSED, "does not let this host in"),
    ],
)
def test_a_store_that_is_not_open_to_this_host_is_not_logged_in_to(
    door, guests, credentials, source, kernel, tmp_path, word, reason
):
    iqn = "iqn.2010-10.org.openstack:cow-vol1"
    store = dataclasses.replace(source, iqn=iqn)
    credentials.keep(
        store, tickets.issue(KEY, tickets.ANY, ME, 1), server=True
    )
    guests.word = word
    sessions = Connector(
        tmp_path, ticket_client=TicketClient(credentials, door)
    )
    with pytest.raises(NoSource, match=reason):
        sessions.connect_store(store)
    assert [asked for _, asked in guests.presented] == [iqn]
    assert not kernel.called("iscsiadm")


def test_a_target_that_is_no_agent_s_is_shown_what_the_caller_gave(
    source, kernel, tmp_path, monkeypatch
):
    written = []
    monkeypatch.setattr(
        privsep,
        "write_node_record",
        lambda iqn, portal, *, values: written.append(values) or 1,
    )
    asked = dataclasses.replace(source, login=Login("cinder", "x" * 16))
    Connector(tmp_path)._prepare_record(asked, {})
    (values,) = written
    assert values["node.session.auth.username"] == "cinder"
    assert "x" * 16 not in str(kernel.calls)
