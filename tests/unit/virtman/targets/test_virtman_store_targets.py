# SPDX-License-Identifier: Apache-2.0
"""Stores for disks of other hosts: one writer each, nothing lost."""

from __future__ import annotations

import dataclasses
import time

import pytest

from virtman import path
from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.admission.server import Admission
from virtman.drivers import accounts
from virtman.drivers.accounts import NOBODY
from virtman.exception import (
    CommandError,
    InUse,
    InvalidRequest,
    LayerError,
    NotFound,
)
from virtman.model import Verdict
from virtman.state import intent_json
from virtman.state.intent import StoreIntent
from virtman.state.intents import Intents
from virtman.targets.store_grants import StoreGrants
from virtman.targets.store_targets import StoreTargets

IQN = "iqn.2010-10.org.openstack:cow-vol1"
ONE = "iqn.1993-08.org.debian:01:one"
TWO = "iqn.1993-08.org.debian:01:two"
SECTORS = 1 << 21
KEY = bytes(range(32))


class Server:
    """An image server's stores; ``again`` is the next agent's."""

    def __init__(self, kernel, settings):
        self.tgt, self.kernel = kernel.tgt, kernel
        self.settings = settings
        self.file = settings.store_dir / "vol1.cow"
        self.again()

    def again(self):
        self.intents = Intents(self.settings.state_dir / "intents")
        self.intents.load()
        self.grants = StoreGrants(self.intents)
        self.stores = StoreTargets(self.settings, self.intents, self.grants)
        credentials = Credentials(
            self.settings.state_dir / "admission.json",
            ("127.0.0.1", 3260),
            lambda: ONE,
        )
        credentials.keep_key(KEY, time.time())
        self.admission = Admission(
            credentials, self.settings.closed_targets, self.grants
        )

    def open(self, initiator=ONE, new=True, sectors=SECTORS):
        return self.stores.open("vol1", sectors, initiator, new)

    def written(self):
        with self.file.open("r+b") as opened:
            opened.write(b"SnAp and more")

    def present(self, initiator=ONE, iqn=tickets.ANY):
        shown = tickets.issue(KEY, iqn, initiator, int(time.time() + 60))
        return self.admission.admit(shown.text, IQN), shown.login

    @property
    def served(self):
        return self.tgt.served(IQN)


@pytest.fixture
def server(kernel, settings):
    return Server(kernel, settings())


@pytest.fixture
def closed(kernel, settings):
    return Server(kernel, settings(master_ip="127.0.0.1"))


def test_a_new_store_is_a_sparse_file_that_one_name_may_write_on(server):
    made = server.open()
    assert (made.store, made.iqn, made.lun) == ("vol1", IQN, 1)
    assert (made.portal, made.initiator) == ("127.0.0.1:3260", ONE)
    assert not made.written
    found = server.file.stat()
    assert found.st_size > SECTORS * 512
    assert found.st_blocks * 512 < 1 << 20
    assert found.st_mode & 0o777 == 0o600
    assert (server.served.readonly, server.served.acl) == ("No", [ONE])
    assert server.served.device == str(server.file)


def test_the_same_again_changes_nothing(server):
    server.open()
    before = list(server.kernel.calls)
    server.open(new=False)
    fresh = server.kernel.calls[len(before) :]
    assert all("show" in call for call in fresh)


def test_what_was_written_is_told_and_stays(server):
    server.open()
    server.written()
    assert server.open(new=False).written
    assert server.stores.all()[0].written


def test_what_it_takes_up_on_the_disk_is_told(server):
    before = server.open().allocated
    server.written()
    assert server.stores.all()[0].allocated > before
    server.file.unlink()
    assert server.stores.all()[0].allocated == 0


def test_the_room_is_told_with_what_the_stores_may_grow_to(server):
    empty = server.stores.room()
    assert 0 < empty.free <= empty.total
    assert empty.provisioned == 0
    server.open()
    size = server.file.stat().st_size
    assert server.stores.room().provisioned == size
    server.stores.delete("vol1")
    assert server.stores.room().provisioned == 0


def test_a_store_that_is_gone_is_not_begun_anew_unasked(server):
    with pytest.raises(NotFound, match="is gone"):
        server.open(new=False)
    assert server.tgt.targets == {}
    server.open()
    server.file.unlink()
    with pytest.raises(NotFound, match="is gone"):
        server.open(new=False)
    assert not server.file.exists()


def test_a_second_host_is_refused_while_the_first_is_logged_in(server):
    server.open()
    server.served.initiators.append(ONE)
    with pytest.raises(InUse, match=ONE):
        server.open(TWO, new=False)
    assert server.served.acl == [ONE]
    assert server.grants.may_write(IQN, ONE)
    server.served.initiators.clear()
    server.open(TWO, new=False)
    assert server.served.acl == [TWO]
    assert not server.grants.may_write(IQN, ONE)


def test_a_larger_disk_has_the_store_grow_and_a_smaller_one_does_not(server):
    server.open()
    first = server.file.stat().st_size
    server.open(sectors=2 * SECTORS)
    grown = server.file.stat().st_size
    assert grown > 2 * SECTORS * 512 > first
    server.open(sectors=1)
    assert server.file.stat().st_size == grown


def test_it_goes_with_all_that_was_written_unless_a_host_has_it(server):
    server.open()
    server.written()
    server.served.initiators.append(ONE)
    with pytest.raises(InUse):
        server.stores.delete("vol1")
    assert server.file.exists()
    assert server.open(new=False).written
    server.served.initiators.clear()
    assert server.stores.delete("vol1")
    assert not server.stores.delete("vol1")
    assert (server.tgt.targets, server.stores.all()) == ({}, [])
    assert list(server.settings.store_dir.iterdir()) == []
    assert server.intents.all(StoreIntent) == []


def test_a_file_of_which_no_intent_tells_goes_too(server):
    server.open()
    server.kernel.lose_power()
    (known,) = server.intents.all(StoreIntent)
    server.intents.remove(known)
    assert server.stores.delete("vol1")
    assert not server.file.exists()


def test_a_failure_leaves_nothing_of_a_new_one(server):
    server.kernel.refuse("tgtadm", "logicalunit")
    with pytest.raises(CommandError):
        server.open()
    assert (server.tgt.targets, server.file.exists()) == ({}, False)
    assert server.intents.all(StoreIntent) == []


def test_a_file_system_that_takes_no_such_file_is_named(server, monkeypatch):
    def full(file, size):
        raise OSError(27, "File too large")

    monkeypatch.setattr("virtman.instance.cow_file.stretch", full)
    with pytest.raises(LayerError, match="File too large; is store_dir"):
        server.open()
    assert (server.tgt.targets, server.stores.all()) == ({}, [])


def test_a_failure_leaves_what_was_written_open_to_whom_it_was(server):
    server.open()
    server.written()
    server.kernel.refuse("tgtadm", "logicalunit")
    with pytest.raises(CommandError):
        server.open(TWO, new=False)
    assert server.file.exists()
    assert server.grants.may_write(IQN, ONE)
    server.kernel.relent()
    server.stores.recover()
    assert server.served.acl == [ONE]


@pytest.mark.parametrize(
    ("initiator", "sectors", "why"),
    [
        ("ALL", 8, "not an iSCSI name"),
        ("iqn.2026-01.lab:a b", 8, "not an iSCSI name"),
        (None, 8, "not an iSCSI name"),
        (ONE, 0, "sectors"),
        (ONE, 1 << 60, "sectors"),
        (ONE, "8", "sectors"),
    ],
)
def test_what_makes_no_sense_is_refused(server, initiator, sectors, why):
    with pytest.raises(InvalidRequest, match=why):
        server.open(initiator, sectors=sectors)
    assert not server.file.exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 101])
def test_a_name_that_leads_elsewhere_is_refused(server, name):
    with pytest.raises(InvalidRequest):
        server.stores.open(name, SECTORS, ONE, new=True)
    with pytest.raises(InvalidRequest):
        server.stores.delete(name)


def test_a_boot_brings_it_back_to_whom_it_was_open(server):
    server.open()
    server.written()
    server.kernel.lose_power()
    server.again()
    server.stores.recover()
    assert server.served.acl == [ONE]
    assert server.open(new=False).written


def test_what_stands_is_asked_for_once_however_many_there_are(server):
    for number in range(5):
        server.stores.open(f"vol{number}", SECTORS, ONE, new=True)
    server.kernel.calls.clear()
    server.stores.recover()
    assert len(server.kernel.calls) == 1


def test_what_was_to_go_goes_with_the_next_agent(server):
    server.open()
    (known,) = server.intents.all(StoreIntent)
    server.intents.put(dataclasses.replace(known, leaving=True))
    server.again()
    assert server.stores.all() == []
    server.stores.recover()
    assert (server.tgt.targets, server.file.exists()) == ({}, False)


def test_one_that_cannot_come_back_keeps_no_other_from_it(server, caplog):
    server.open()
    server.stores.open("vol2", SECTORS, TWO, new=True)
    server.kernel.lose_power()
    server.file.unlink()
    server.again()
    server.stores.recover()
    assert server.tgt.served(IQN.replace("vol1", "vol2")).acl == [TWO]
    assert "is gone; put it back" in caplog.text


def test_a_closed_one_lets_its_host_in_by_its_ticket_and_nobody_else(closed):
    closed.open()
    assert closed.served.acl == [NOBODY]
    word, _ = closed.present(TWO)
    assert word is Verdict.REFUSED
    word, login = closed.present()
    assert word is Verdict.WELCOME
    assert closed.served.acl == [NOBODY, ONE]
    assert login.user in closed.served.users


def test_an_image_s_ticket_opens_no_store_of_another(closed):
    closed.open(TWO)
    assert closed.present(ONE)[0] is Verdict.REFUSED
    assert closed.present(ONE, iqn=IQN)[0] is Verdict.REFUSED
    assert Admission(closed.admission._credentials, True).admit(
        tickets.issue(KEY, IQN, TWO, int(time.time() + 60)).text, IQN
    ) is Verdict.REFUSED  # fmt: skip


def test_who_wrote_is_let_in_with_the_same_secret_after_a_boot(closed):
    closed.open()
    _, login = closed.present()
    closed.kernel.lose_power()
    closed.again()
    closed.stores.recover()
    assert closed.served.acl == [NOBODY, ONE]
    assert closed.tgt.accounts[login.user] == login.secret
    (file,) = (closed.settings.state_dir / "intents").glob("store.*")
    assert file.stat().st_mode & 0o777 == 0o600
    assert login.secret not in repr(closed.intents.all(StoreIntent))


def test_its_host_s_account_outlives_the_ticket(closed, monkeypatch):
    closed.open()
    _, login = closed.present()
    later = time.time() + 3600
    monkeypatch.setattr(closed.admission._credentials, "now", lambda: later)
    closed.admission.tidy()
    assert login.user in closed.served.users
    closed.again()
    closed.admission.tidy()
    assert login.user in closed.served.users


def test_the_first_host_s_secret_opens_nothing_once_another_has_it(closed):
    closed.open()
    _, login = closed.present()
    closed.open(TWO, new=False)
    assert closed.served.acl == [NOBODY]
    assert login.user not in closed.tgt.accounts
    assert closed.present()[0] is Verdict.REFUSED
    assert closed.present(TWO)[0] is Verdict.WELCOME


def test_an_intent_comes_back_as_it_was_written():
    plain = StoreIntent("vol1", IQN, "/x/vol1.cow", ONE)
    full = dataclasses.replace(plain, login=path.Login("a", "b"))
    for one in (plain, full):
        assert intent_json.loads(intent_json.dumps(one)) == one


def test_accounts_change_only_while_the_listing_cannot_get_old(
    closed, monkeypatch
):
    """Else the id of a target may be another's by then."""
    held = []

    def watched(function):
        def call(*words, **more):
            held.append(accounts.guard._is_owned())
            return function(*words, **more)

        return call

    closed.open()
    closed.present()
    closed.kernel.lose_power()
    closed.again()
    for name in ("admit", "close", "dismiss", "forget"):
        monkeypatch.setattr(accounts, name, watched(getattr(accounts, name)))
    closed.stores.recover()
    closed.admission.tidy()
    assert held
    assert all(held)
