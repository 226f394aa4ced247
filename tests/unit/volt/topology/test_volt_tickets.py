# SPDX-License-Identifier: Apache-2.0
"""Tickets: what a reader shows, and what its source makes of it."""

import base64
import hmac
import json
import time

import pytest

from volt.model import Address, Assignment, Source, Status
from volt.topology.tickets import ANY, MASTER, Terms, Tickets, issue

KEY = bytes(range(32))
ME = "iqn.2026-01.lab:n1"


def opened(text, key):
    """Read a ticket as a source does."""
    body, _, seal = text.partition(".")
    made = hmac.new(key, b"ticket\0" + body.encode(), "sha256").hexdigest()
    assert seal == made
    return json.loads(base64.urlsafe_b64decode(body))


def source(host="n2", peer_id="n2:v"):
    return Source(Address(host, "3260", "iqn:v", "1"), Status.OK, peer_id)


@pytest.fixture
def tickets(registry):
    return Tickets(registry, Terms())


def test_a_ticket_names_target_reader_and_end(tickets):
    bare = Assignment("n1:v", stripes=((source(), source("i1", None)),))
    (sources,) = tickets.grant(bare, ME).stripes
    terms = Terms()
    ends = []
    for granted in sources:
        key = bytes.fromhex(
            tickets.admission(granted.address.host, "3260").key
        )
        iqn, reader, expires, number = opened(granted.ticket.text, key)
        assert iqn == ("iqn:v" if granted.peer_id else ANY)
        assert reader == ME
        assert granted.ticket.user == f"virtman:{ME}/{number}"
        ends.append(expires - time.time())
    assert ends == [
        pytest.approx(term, abs=60) for term in (terms.peer, terms.server)
    ]


def test_no_two_tickets_have_one_secret():
    drawn = [issue(KEY, "iqn:v", ME, 1) for _ in range(3)]
    for part in ("text", "user", "secret"):
        assert len({getattr(ticket, part) for ticket in drawn}) == 3
    assert {len(ticket.secret) for ticket in drawn} == {16}


def test_each_source_has_a_key_of_its_own_and_keeps_it(registry, tickets):
    keys = [
        tickets.admission(*portal).key
        for portal in (("n1", "3260"), ("n1", "3261"), ("n2", "3260"))
    ]
    assert len(set(keys)) == 3
    other = Tickets(registry, Terms())
    assert other.admission("n1", "3260").key == keys[0]


def test_the_key_of_all_is_made_once(registry):
    made = registry.write(lambda unit: unit.secrets.make(MASTER))
    assert registry.write(lambda unit: unit.secrets.make(MASTER)) == made
    assert len(made) == 32


def test_who_tells_no_initiator_gets_no_tickets(tickets):
    bare = Assignment("n1:v", stripes=((source(),),))
    assert tickets.grant(bare, None) == bare


def test_no_secret_of_a_ticket_is_shown(tickets):
    bare = Assignment("n1:v", stripes=((source(),),))
    granted = tickets.grant(bare, ME)
    ((reader_source,),) = granted.stripes
    key = tickets.admission("n1", "3260")
    for text in (repr(granted), repr(key)):
        assert reader_source.ticket.secret not in text
        assert reader_source.ticket.text not in text
        assert key.key not in text
