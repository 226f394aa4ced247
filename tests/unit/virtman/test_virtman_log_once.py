# SPDX-License-Identifier: Apache-2.0
"""What is logged once: a fault that lasts, until it changes or is over."""

from __future__ import annotations

import sys
import threading

import pytest

from virtman.log_once import LogOnce


@pytest.fixture
def logged():
    return LogOnce()


def test_the_same_message_about_a_subject_is_new_once(logged):
    assert logged.is_new("vm1", "no room")
    assert not logged.is_new("vm1", "no room")
    assert logged.is_new("vm2", "no room")


def test_another_message_about_a_subject_is_new(logged):
    assert logged.is_new("vm1", OSError("no room"))
    assert not logged.is_new("vm1", OSError("no room"))
    assert logged.is_new("vm1", OSError("no path"))
    assert logged.is_new("vm1", OSError("no room"))


def test_a_subject_that_was_in_order_meanwhile_is_logged_anew(logged):
    logged.is_new("vm1", "no room")
    assert logged.forget("vm1")
    assert not logged.forget("vm1")
    assert logged.is_new("vm1", "no room")


def test_subjects_that_are_gone_are_forgotten(logged):
    for session in (1, 2, 3):
        logged.is_new(session)
    logged.retain({2})
    assert [logged.is_new(session) for session in (1, 2, 3)] == [
        True, False, True,
    ]  # fmt: skip


def test_the_memory_does_not_grow_with_what_others_send(logged):
    for number in range(5000):
        assert logged.is_new(f"source {number}")
    assert sum(logged.forget(f"source {n}") for n in range(5000)) <= 1024


def test_of_threads_that_see_a_fault_at_once_one_logs_it(logged):
    new = []
    start = threading.Barrier(8)

    def see():
        for number in range(200):
            start.wait()
            if logged.is_new("broker", number):
                new.append(number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=see) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert new == list(range(200))
