# SPDX-License-Identifier: Apache-2.0
"""The thread that repeats a turn: faults do not end it, a stop does."""

from __future__ import annotations

import threading

from virtman import worker
from virtman.worker import Worker

PATIENCE = 10


def test_the_turn_is_repeated_until_the_worker_is_stopped():
    turns = threading.Semaphore(0)
    made = Worker("w", turns.release)
    made.start()
    for _ in range(3):
        assert turns.acquire(timeout=PATIENCE)
    made.stop()
    assert not made.is_alive()


def test_a_turn_that_fails_does_not_end_the_worker(monkeypatch, caplog):
    monkeypatch.setattr(worker, "_AFTER_FAULT", 0.0)
    turns = threading.Semaphore(0)

    def stumble():
        turns.release()
        raise KeyError("a fault of the program")

    made = Worker("w", stumble)
    made.start()
    for _ in range(3):
        assert turns.acquire(timeout=PATIENCE)
    made.stop()
    assert "w: a turn failed" in caplog.text
    assert "a fault of the program" in caplog.text


def test_a_fault_in_each_turn_does_not_take_a_whole_cpu(monkeypatch):
    monkeypatch.setattr(worker, "_AFTER_FAULT", 3600.0)
    turns = threading.Semaphore(0)

    def stumble():
        turns.release()
        raise KeyError

    made = Worker("w", stumble)
    made.start()
    assert turns.acquire(timeout=PATIENCE)
    assert not turns.acquire(timeout=0.1)
    made.stop()
    assert not made.is_alive()


def test_a_stop_wakes_a_turn_that_waits():
    changed = threading.Event()
    waits = threading.Event()

    def wait():
        waits.set()
        changed.wait()

    made = Worker("w", wait, changed.set)
    made.start()
    assert waits.wait(PATIENCE)
    made.stop()
    assert not made.is_alive()


def test_a_worker_that_was_never_started_can_be_stopped():
    made = Worker("w", lambda: None)
    made.stop()
    assert made.ending.is_set()


def test_a_turn_may_end_its_own_worker():
    made = Worker("w", lambda: made.ending.set())
    made.start()
    made.join(PATIENCE)
    assert not made.is_alive()
    made.stop()
