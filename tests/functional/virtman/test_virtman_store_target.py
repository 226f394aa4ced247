# SPDX-License-Identifier: Apache-2.0
"""Stores of a real tgtd: one host writes on each, and no other gets in."""

from __future__ import annotations

import time
import types

import pytest
from tgt_daemon import login, try_login, wait_until_free

from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.admission.server import Admission
from virtman.drivers import iscsi
from virtman.exception import InUse
from virtman.model import Verdict
from virtman.state.intents import Intents
from virtman.targets.store_grants import StoreGrants
from virtman.targets.store_targets import StoreTargets

IQN = "iqn.2010-10.org.openstack:cow-vol1"
ONE, TWO = "iqn.2026-01.lab:one", "iqn.2026-01.lab:two"
KEY = bytes(range(32))
WELCOME = (0, 0)
SECTORS = 1 << 16


class Server:
    """The stores of an image server, and its door for tickets."""

    def __init__(self, tgtd, folder, closed):
        self.tgtd = tgtd
        settings = types.SimpleNamespace(
            store_dir=folder / "stores", closed_targets=closed,
            host_ip="127.0.0.1", iscsi_port=tgtd.port,
        )  # fmt: skip
        intents = Intents(folder / "intents")
        intents.load()
        grants = StoreGrants(intents)
        self.stores = StoreTargets(settings, intents, grants)
        self.credentials = Credentials(
            folder / "w.json", ("10.0.0.1", 1), lambda: ONE
        )
        self.credentials.keep_key(KEY, time.time())
        self.admission = Admission(self.credentials, closed, grants)

    def open(self, initiator, new=False):
        return self.stores.open("vol1", SECTORS, initiator, new)

    def admit(self, initiator):
        """Show the ticket that a host has for all images here."""
        until = int(time.time() + 60)
        ticket = tickets.issue(KEY, tickets.ANY, initiator, until)
        return self.admission.admit(ticket.text, IQN), ticket.login

    def enters(self, initiator, login=None):
        words = (login.user, login.secret) if login else ()
        entered = try_login(self.tgtd.port, IQN, initiator, *words) == WELCOME
        wait_until_free(IQN)
        return entered


@pytest.fixture
def server(tgtd, tmp_path):
    return lambda closed: Server(tgtd, tmp_path, closed)


def test_where_nobody_is_asked_one_name_gets_in(server):
    served = server(closed=False)
    made = served.open(ONE, new=True)
    assert made.portal == f"127.0.0.1:{served.tgtd.port}"
    assert served.enters(ONE)
    assert not served.enters(TWO)
    assert served.admit(ONE)[0] is Verdict.OPEN
    assert served.admit(TWO)[0] is Verdict.REFUSED
    served.open(TWO)
    assert served.enters(TWO)
    assert not served.enters(ONE)


def test_a_closed_one_asks_for_the_secret_of_whom_it_is_open_to(server):
    served = server(closed=True)
    served.open(ONE, new=True)
    word, login = served.admit(ONE)
    assert word is Verdict.WELCOME
    assert served.enters(ONE, login)
    assert not served.enters(ONE)
    assert not served.enters(TWO, login)
    word, others = served.admit(TWO)
    assert word is Verdict.REFUSED
    assert not served.enters(TWO, others)
    # A tgtd that was started anew knows nothing.
    iscsi.remove(IQN)
    served = server(closed=True)
    served.stores.recover()
    assert served.enters(ONE, login), "no ticket had to be presented again"
    served.open(TWO)
    assert not served.enters(ONE, login)
    word, others = served.admit(TWO)
    assert served.enters(TWO, others)
    assert served.stores.delete("vol1")
    assert iscsi.find(IQN) is None


def test_while_a_host_has_it_nobody_else_does_and_it_stays(server):
    served = server(closed=False)
    served.open(ONE, new=True)
    with login(served.tgtd.port, IQN, ONE) as status:
        assert status == 0
        with pytest.raises(InUse, match=ONE):
            served.open(TWO)
        with pytest.raises(InUse, match=ONE):
            served.stores.delete("vol1")
        assert served.open(ONE).initiator == ONE
    wait_until_free(IQN)
    served.open(TWO)


def test_it_can_be_written_on_and_says_whose_it_is(server):
    served = server(closed=False)
    served.open(ONE, new=True)
    listing = served.tgtd.says("--mode", "target", "--op", "show")
    assert "Readonly: No" in listing
    assert iscsi.find(IQN).serial.startswith("VMT")
