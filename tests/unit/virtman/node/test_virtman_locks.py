# SPDX-License-Identifier: Apache-2.0
"""Locks by name: one at a time for each, and nothing kept afterwards."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading

import pytest
from fake_portals import PATIENCE

from virtman.node.locks import NameLocks


def test_a_name_has_one_holder_at_a_time():
    locks, inside, most = NameLocks(), [], []

    def work(_):
        with locks.hold("a"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert set(most) == {1}
    assert len(locks) == 0


def test_names_do_not_wait_for_each_other():
    locks, both = NameLocks(), threading.Barrier(2)

    def work(name):
        with locks.hold(name):
            both.wait(PATIENCE)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(work, "ab"))


def test_who_waits_gets_the_lock_that_the_holder_gives_back():
    locks, held = NameLocks(), threading.Event()
    order = []

    def second():
        assert held.wait(PATIENCE)
        with locks.hold("a"):
            order.append("second")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with locks.hold("a"):
            held.set()
            while len(locks) and locks._locks["a"][1] < 2:
                pass
            order.append("first")
        waiting.result(PATIENCE)
    assert order == ["first", "second"]
    assert len(locks) == 0


def test_a_failure_under_a_lock_gives_it_back():
    locks = NameLocks()
    with contextlib.suppress(KeyError), locks.hold("a"):
        raise KeyError
    assert len(locks) == 0
    with locks.hold("a"):
        assert len(locks) == 1


@pytest.mark.parametrize("names", [1000])
def test_names_that_were_used_once_are_not_kept(names):
    locks = NameLocks()
    for number in range(names):
        with locks.hold(f"vm{number}"):
            pass
    assert len(locks) == 0
