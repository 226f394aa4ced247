# SPDX-License-Identifier: Apache-2.0
"""Tickets: what a reader shows, and what its source makes of it."""

import base64
import hmac
import json
import time

import pytest

from volt.topology.tickets import ANY, MASTER, Terms, Tickets, draw

KEY = bytes(range(32))
ME = "iqn.2026-01.lab:n1"


def opened(text, key):
    """Read a ticket as a source does."""
    body, _, seal = text.partition(".")
    made = hmac.new(key, b"ticket\0" + body.encode(), "sha256").hexdigest()
    assert seal == made
    return json.loads(base64.urlsafe_b64decode(body))


def source(host="n2", peer_id="n2:v"):
    return {"host": host, "port": "3260", "iqn": "iqn:v", "peer_id": peer_id}


@pytest.fixture
def tickets(registry):
    return Tickets(registry, Terms())


def test_a_ticket_names_target_reader_and_end(tickets):
    told = {"stripes": [[source(), source("i1", None)]]}
    tickets.add(told, ME)
    terms = Terms()
    ends = []
    for one in told["stripes"][0]:
        key = bytes.fromhex(tickets.admission(one["host"], "3260")["key"])
        iqn, reader, expires, number = opened(one["ticket"]["text"], key)
        assert iqn == ("iqn:v" if one["peer_id"] else ANY)
        assert reader == ME
        assert one["ticket"]["user"] == f"virtman:{ME}/{number}"
        ends.append(expires - time.time())
    assert ends == [
        pytest.approx(term, abs=60) for term in (terms.peer, terms.server)
    ]


def test_no_two_tickets_have_one_secret():
    drawn = [draw(KEY, "iqn:v", ME, 1) for _ in range(3)]
    for part in ("text", "user", "secret"):
        assert len({one[part] for one in drawn}) == 3
    assert {len(one["secret"]) for one in drawn} == {16}


def test_each_source_has_a_key_of_its_own_and_keeps_it(registry, tickets):
    keys = [
        tickets.admission(*portal)["key"]
        for portal in (("n1", "3260"), ("n1", "3261"), ("n2", "3260"))
    ]
    assert len(set(keys)) == 3
    other = Tickets(registry, Terms())
    assert other.admission("n1", "3260")["key"] == keys[0]


def test_the_key_of_all_is_made_once(registry):
    made = registry.write(lambda unit: unit.secrets.make(MASTER))
    assert registry.write(lambda unit: unit.secrets.make(MASTER)) == made
    assert len(made) == 32


def test_who_tells_no_initiator_gets_no_tickets(tickets):
    told = {"stripes": [[source()]]}
    tickets.add(told, None)
    assert told == {"stripes": [[source()]]}
