# SPDX-License-Identifier: Apache-2.0
"""Readers of a real tgtd's targets: let in by their tickets, and forgotten."""

from __future__ import annotations

import time

import pytest
from tgt_daemon import try_login, wait_until_free

from virtman import names
from virtman.admission import tickets
from virtman.admission.credentials import Credentials
from virtman.admission.server import Admission
from virtman.drivers import accounts, iscsi
from virtman.exception import CommandError
from virtman.model import Verdict
from virtman.path import Login
from virtman.privsep.tgt_socket import Op, account

IQN = "iqn.2010-10.org.openstack:volume-image"
SECOND = IQN + "-2"
NODE = "iqn.2026-01.lab:node2"
OTHER = "iqn.2026-01.lab:node3"
SERIAL = "VMT0123456789ABCDEF"
KEY = bytes(range(32))
WELCOME, REFUSED, FORBIDDEN = (0, 0), (2, 1), (2, 2)


@pytest.fixture
def credentials(tmp_path):
    made = Credentials(tmp_path / "w.json", ("10.0.0.1", 3260), lambda: NODE)
    made.keep_key(KEY, time.time())
    return made


@pytest.fixture
def target(tgtd, disk):
    iscsi.create(IQN, disk, SERIAL, closed=True)
    return iscsi.find(IQN)


def ticket(name=NODE, iqn=IQN, lasts=60, key=KEY):
    return tickets.issue(key, iqn, name, int(time.time() + lasts))


def tried(tgtd, name, login):
    return try_login(tgtd.port, IQN, name, login.user, login.secret)


def test_a_closed_target_lets_nobody_in_by_itself(tgtd, target):
    assert target.closed
    assert not target.half_made(target.device)
    assert try_login(tgtd.port, IQN, NODE) != WELCOME
    assert tried(tgtd, NODE, Login("somebody", "x" * 16)) != WELCOME


def test_who_shows_a_ticket_may_log_in_with_its_secret(
    tgtd, target, credentials
):
    presented = ticket()
    assert tried(tgtd, NODE, presented.login) != WELCOME
    admission = Admission(credentials, closed=True)
    assert admission.admit(presented.text, IQN) is Verdict.WELCOME
    assert admission.admit(presented.text, IQN) is Verdict.WELCOME, "once more"
    assert tried(tgtd, NODE, presented.login) == WELCOME
    assert try_login(tgtd.port, IQN, NODE) != WELCOME, "without a secret"
    assert tried(tgtd, OTHER, presented.login) != WELCOME, "another name"
    wrong = Login(presented.login.user, "x" * 16)
    assert tried(tgtd, NODE, wrong) != WELCOME, "a wrong secret"
    assert presented.login.secret not in tgtd.says(
        "--mode", "target", "--op", "show"
    )


@pytest.mark.parametrize(
    ("drawn", "word"),
    [
        ({"key": bytes(32)}, Verdict.REFUSED),
        ({"iqn": IQN + "2"}, Verdict.REFUSED),
        ({"iqn": tickets.ANY}, Verdict.WELCOME),
        ({"lasts": -1}, Verdict.LATE),
    ],
)
def test_a_ticket_opens_what_it_names_until_it_runs_out(
    target, credentials, drawn, word
):
    # Drawn now: what is drawn as tests are collected has run out by then.
    presented = ticket(**drawn)
    admission = Admission(credentials, closed=True)
    assert admission.admit(presented.text, IQN) is word
    admitted = word is Verdict.WELCOME
    assert (presented.login.user in iscsi.find(IQN).accounts) is admitted


@pytest.mark.parametrize("text", ["", ".", "x.y", "é.é", "e30=.00"])
def test_what_is_no_ticket_is_refused(credentials, text):
    assert Admission(credentials, True).admit(text, IQN) is Verdict.REFUSED


def test_a_target_that_is_not_there_or_not_ours_is_absent(
    tgtd, disk, credentials
):
    admission = Admission(credentials, closed=True)
    assert admission.admit(ticket().text, IQN) is Verdict.ABSENT
    iscsi.create(IQN, disk, "another's")
    assert admission.admit(ticket().text, IQN) is Verdict.ABSENT


def test_an_open_target_says_so_and_is_closed_where_it_has_to_be(
    tgtd, disk, credentials
):
    iscsi.create(IQN, disk, SERIAL)
    admission = Admission(credentials, closed=False)
    assert admission.admit(ticket().text, IQN) is Verdict.OPEN
    admission.tidy()
    assert not iscsi.find(IQN).closed
    Admission(credentials, closed=True).tidy()
    assert iscsi.find(IQN).closed


def test_who_is_gone_is_forgotten_when_its_ticket_has_run_out(
    tgtd, target, credentials, monkeypatch
):
    admission = Admission(credentials, closed=True)
    mine, others = ticket(), ticket(OTHER)
    for item in (mine, others):
        assert admission.admit(item.text, IQN) is Verdict.WELCOME
    admission.tidy()
    assert tried(tgtd, NODE, mine.login) == WELCOME, "its ticket is good"
    wait_until_free(IQN)
    later = credentials.now() + 61
    monkeypatch.setattr(credentials, "now", lambda: later)
    again = tickets.issue(KEY, IQN, OTHER, int(later + 60))
    assert admission.admit(again.text, IQN) is Verdict.WELCOME
    admission.tidy()
    assert tried(tgtd, NODE, mine.login) != WELCOME
    assert tried(tgtd, OTHER, others.login) != WELCOME
    assert tried(tgtd, OTHER, again.login) == WELCOME
    target = iscsi.find(IQN)
    assert target.admitted == [accounts.NOBODY, OTHER]
    assert target.closed


def test_readers_may_go_in_any_order(tgtd, target):
    """Tgtd 1.0.85 would end at a hole in its list of accounts."""
    logins = [
        Login(f"virtman:{NODE}-{number}/{number}", "x" * 16)
        for number in range(40)
    ]
    for number, login in enumerate(logins):
        accounts.admit(target.tid, [], f"{NODE}-{number}", login)
    dismissed = {item.user for item in logins[::3]}
    users = iscsi.find(IQN).accounts
    accounts.dismiss(target.tid, users, dismissed)
    iscsi.forget(dismissed)
    target_now = iscsi.find(IQN)
    staying = [user for user in users if user not in dismissed]
    assert target_now.accounts == staying
    assert f"{NODE}-3" not in target_now.admitted
    assert f"{NODE}-4" in target_now.admitted
    assert set(accounts.ours()) == set(target_now.accounts)


def test_a_target_takes_its_accounts_with_it(tgtd, target, credentials):
    Admission(credentials, closed=True).admit(ticket().text, IQN)
    assert len(list(accounts.ours())) == 2
    iscsi.remove(IQN)
    assert list(accounts.ours()) == []


@pytest.fixture
def two(tgtd, target, disk, credentials):
    """Two targets; a reader of both, by one ticket, and others after it."""
    iscsi.create(SECOND, disk, SERIAL, closed=True)
    admission = Admission(credentials, closed=True)
    shared = ticket(iqn=tickets.ANY, lasts=1)
    for iqn in (IQN, SECOND):
        assert admission.admit(shared.text, iqn) is Verdict.WELCOME
        behind = ticket(OTHER, iqn)
        assert admission.admit(behind.text, iqn) is Verdict.WELCOME
    yield admission, shared.login.user
    iscsi.remove(SECOND)


def test_a_target_leaves_to_others_the_accounts_that_they_have_too(two):
    _, user = two
    iscsi.remove(IQN)
    # A tgtd that has taken the account from in between ends here.
    assert user in iscsi.find(SECOND).accounts
    iscsi.remove(SECOND)
    assert user not in [*accounts.ours()]


def test_a_reader_of_two_targets_is_forgotten_by_both(two):
    admission, user = two

    def forgotten():
        admission.tidy()
        return user not in [*accounts.ours()]

    end = time.monotonic() + 60
    while not forgotten():
        assert time.monotonic() < end
        time.sleep(0.1)
    for iqn in (IQN, SECOND):
        users = iscsi.find(iqn).accounts
        assert [names.initiator_of(item) for item in users] == [
            accounts.NOBODY,
            OTHER,
        ]


def test_an_account_that_was_never_bound_goes_at_the_start(
    tgtd, target, credentials
):
    account(Op.NEW, f"virtman:{NODE}/0", secret="x" * 16)
    account(Op.NEW, "another's", secret="x" * 16)
    Admission(credentials, closed=True).tidy()
    assert len(list(accounts.ours())) == 1
    listing = tgtd.says("--mode", "account", "--op", "show")
    assert "another's" in listing
    account(Op.DELETE, "another's")


def test_what_tgtd_refuses_is_told_without_the_secret(tgtd):
    with pytest.raises(CommandError) as failed:
        account(Op.BIND, "nobody", 1)
    assert "tgtd account bind nobody" in str(failed.value)
    account(Op.NEW, "twice", secret="a-secret-of-16-ch")
    with pytest.raises(CommandError) as failed:
        account(Op.NEW, "twice", secret="a-secret-of-16-ch")
    assert "a-secret" not in str(failed.value)
    account(Op.DELETE, "twice")


def test_a_tgtd_that_is_away_is_an_error(tgtd, monkeypatch, tmp_path):
    with monkeypatch.context() as away:
        away.setenv("TGT_IPC_SOCKET", str(tmp_path / "none"))
        with pytest.raises(CommandError):
            account(Op.NEW, "x", secret="y")
