# SPDX-License-Identifier: Apache-2.0
"""Two threads change the targets and the accounts of one tgtd at once."""

from __future__ import annotations

import concurrent.futures

import pytest
from fake_portals import PATIENCE

from virtman import names, privsep
from virtman.drivers import access, iscsi
from virtman.path import Login

IQN = names.iqn("volume-a")
OTHER = names.iqn("volume-b")
SERIAL = "VMT0123456789ABCDEF"
READER = "iqn.2026-01.lab:node2"
LOGIN = Login(f"virtman:{READER}/0123456789abcdef", "secret")
# Seconds that a thread with a listing gives the other one to make it old.
MEANWHILE = 0.2


@pytest.fixture
def interrupt(kernel, monkeypatch):
    """Run a function in another thread once this one has its listing.

    Returns a function that starts both and returns their two results.
    """

    def both(first, second):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            others = []

            def run(argv, *words, **more):
                answer = kernel.run(argv, *words, **more)
                if not others and {"show", "target"} <= set(argv):
                    others.append(pool.submit(second))
                    concurrent.futures.wait(others, MEANWHILE)
                return answer

            monkeypatch.setattr(privsep.command, "run", run)
            result = first()
            return result, others[0].result(PATIENCE)

    return both


def create(iqn):
    return iscsi.create(iqn, "/dev/loop0", SERIAL, closed=True)


def admit():
    with access.of_target(IQN) as target_access:
        return target_access.admit(READER, LOGIN)


def test_two_threads_that_admit_one_reader_bind_its_account_once(
    kernel, interrupt
):
    create(IQN)
    assert interrupt(admit, admit) == (True, False)
    assert kernel.tgt.served(IQN).users.count(LOGIN.user) == 1


def test_a_target_that_is_given_the_id_of_a_removed_one_stays(
    kernel, interrupt
):
    create(IQN)

    def replace():
        return iscsi.remove(IQN), create(OTHER)

    assert interrupt(lambda: iscsi.remove(IQN), replace) == (True, (False, 1))
    assert [target.iqn for target in kernel.tgt.targets.values()] == [OTHER]
    assert kernel.tgt.served(OTHER).users == list(kernel.tgt.accounts)
