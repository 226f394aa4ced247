# SPDX-License-Identifier: Apache-2.0
"""What volt has given a node: kept, found again, shown to nobody."""

from __future__ import annotations

import json
import logging
import stat

import pytest

from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.names import initiator_of
from virtman.path import Source

IQN = "iqn.2010-10.org.openstack:volume-a"
ME = "iqn.2026-01.lab:n1"
KEY = bytes(range(32))
PARENT = Source("10.0.0.2", 3260, IQN)
SERVER = Source("10.0.0.3", 3260, IQN)
OWN = Source("10.0.0.1", 3260, IQN)


@pytest.fixture
def opened(tmp_path):
    return lambda: Credentials(
        tmp_path / "state" / "w.json", ("10.0.0.1", 3260), lambda: ME
    )


def drawn(iqn=IQN):
    return tickets.issue(KEY, iqn, ME, 1)


def test_the_last_ticket_for_a_source_counts(opened):
    credentials = opened()
    assert credentials.ticket(PARENT) is None
    for _ in range(2):
        last = drawn()
        credentials.keep(PARENT, last, server=False)
    assert credentials.ticket(PARENT) == last
    assert credentials.ticket(SERVER) is None


def test_a_server_s_ticket_opens_all_of_its_targets(opened):
    credentials, ticket = opened(), drawn(tickets.ANY)
    credentials.keep(SERVER, ticket, server=True)
    other = Source(SERVER.host, SERVER.port, IQN + "2")
    assert credentials.ticket(other) == ticket


def test_key_and_servers_outlive_the_agent_and_parents_do_not(opened):
    credentials, ticket = opened(), drawn(tickets.ANY)
    credentials.keep(SERVER, ticket, server=True)
    credentials.keep(PARENT, drawn(), server=False)
    credentials.keep_key(KEY, 0.0)
    again = opened()
    assert again.key == KEY
    assert again.ticket(SERVER) == ticket
    assert again.ticket(PARENT) is None


def test_only_root_can_read_what_is_kept(opened, tmp_path):
    opened().keep_key(KEY, 0.0)
    (file,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_makes_no_sense_is_not_quoted(opened, tmp_path, caplog):
    opened().keep_key(KEY, 0.0)
    (file,) = (tmp_path / "state").iterdir()
    for text in ("", "[]", json.dumps({"key": "s3cret", "servers": []})):
        file.write_text(text)
        assert opened().key != KEY
    assert "cannot be read" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, "2130706433"), (0, "../x"), (0, None), (1, 0), (1, "x"), (2, "a\nb"),
     (3, "u,password=x"), (4, "a\nb"), (4, None)],
)  # fmt: skip
def test_what_an_agent_before_has_kept_unchecked_is_not_used(
    opened, tmp_path, place, value
):
    credentials = opened()
    credentials.keep(SERVER, drawn(tickets.ANY), server=True)
    credentials.keep_key(KEY, 0.0)
    (file,) = (tmp_path / "state").iterdir()
    kept = json.loads(file.read_text())
    kept["servers"][0][place] = value
    file.write_text(json.dumps(kept))
    again = opened()
    assert again.key != KEY
    assert again.ticket(SERVER) is None


def test_a_file_that_cannot_be_written_is_a_warning(opened, tmp_path, caplog):
    (tmp_path / "state").write_text("no folder")
    opened().keep_key(KEY, 0.0)
    assert "is not written" in caplog.text


def test_time_is_volt_s(opened):
    credentials = opened()
    credentials.keep_key(KEY, 5000.0)
    assert credentials.now() == pytest.approx(5000.0, abs=60)


def test_a_node_admits_itself_before_volt_has_told_it_a_key(opened):
    credentials = opened()
    ticket = credentials.ticket(OWN)
    read = tickets.verify(ticket.text, credentials.key)
    assert read.opens(IQN)
    assert read.initiator == ME
    assert read.expires > credentials.now()


def test_nothing_that_is_printed_has_a_secret(opened, caplog):
    ticket = drawn()
    with caplog.at_level(logging.DEBUG):
        logging.info("%s %r", ticket, tickets.verify(ticket.text, KEY))
    assert ticket.login.user in caplog.text
    for secret in (ticket.login.secret, ticket.text):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("user", "name"),
    [
        (f"virtman:{ME}/0123", ME),
        (f"virtman:{ME}", None),
        (f"cinder:{ME}/0123", None),
        ("", None),
    ],
)
def test_an_account_tells_whose_it_is(user, name):
    assert initiator_of(user) == name
