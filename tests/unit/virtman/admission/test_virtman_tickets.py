# SPDX-License-Identifier: Apache-2.0
"""Tickets that whoever has the key has sealed, and that say something odd."""

from __future__ import annotations

import base64
import hmac
import json

import false_volt
import pytest
from false_volt import IQN

from virtman import privsep
from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.admission.server import Admission
from virtman.admission.tickets import NoTicket
from virtman.model import Verdict

KEY = bytes(range(32))
ME = "iqn.2026-01.lab:n1"
GOOD = [IQN, ME, 10**10, "0123456789abcdef"]


def sealed(claims):
    """Return a ticket of the right key that says this, whatever it is."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    seal = hmac.digest(KEY, f"ticket\0{body}".encode(), "sha256").hex()
    return f"{body}.{seal}"


def odd():
    names = [*false_volt.NOT_TEXT, *false_volt.ODD_TEXT]
    values = {
        0: false_volt.NAMES,
        1: [*names, f"{ME},password=x", f"{ME} x", f"{ME}\n"],
        2: [None, "x", [], {}, True, -1, float("nan"), float("inf"), 10**400],
        3: [*names, "0a,password=x", "0A", "0a\n", "0" * 33],
    }
    for place, given in values.items():
        for value in given:
            yield [*GOOD[:place], value, *GOOD[place + 1 :]]
    yield from ([], {}, 7, None, "abcd", GOOD[:3], [*GOOD, 1])


def test_what_is_right_is_read():
    ticket = tickets.verify(sealed(GOOD), KEY)
    assert (ticket.iqn, ticket.initiator, ticket.expires) == (IQN, ME, 10**10)
    assert ticket.login.user == f"virtman:{ME}/0123456789abcdef"
    assert tickets.verify(sealed(["*", *GOOD[1:]]), KEY).opens("another")


def test_what_is_sealed_and_odd_is_no_ticket():
    for claims in odd():
        with pytest.raises(NoTicket) as refused:
            tickets.verify(sealed(claims), KEY)
        assert str(refused.value).isprintable()


def test_a_body_that_is_no_json_is_no_ticket():
    for body in ("", "x", "=", "W10=", base64.b64encode(b"[" * 3000).decode()):
        seal = hmac.digest(KEY, f"ticket\0{body}".encode(), "sha256").hex()
        with pytest.raises(NoTicket):
            tickets.verify(f"{body}.{seal}", KEY)


def test_no_reader_of_a_false_volt_s_is_made_known_to_tgtd(
    tmp_path, monkeypatch
):
    """The one that has the key, as volt has, seals what it likes."""
    calls = []
    monkeypatch.setattr(privsep.command, "run", calls.append)
    monkeypatch.setattr(
        privsep.iscsi.tgt_socket, "account", lambda *args: calls.append(args)
    )
    credentials = Credentials(tmp_path / "w", ("10.0.0.1", 3260), lambda: ME)
    credentials.keep_key(KEY, 0.0)
    admission = Admission(credentials, closed=True)
    for claims in odd():
        assert admission.admit(sealed(claims), IQN) is Verdict.REFUSED
    assert calls == []
