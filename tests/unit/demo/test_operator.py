# SPDX-License-Identifier: Apache-2.0
"""A command that is followed: its lines, its output, its end."""

import sys
import threading
import time

import pytest

from demo.operator import follow
from demo.waiting import at_once, sparing

SCRIPT = """
import os, sys
print("begun", file=sys.stderr)
print("table of", os.environ["WHO"])
print("ended", file=sys.stderr)
sys.exit(3)
"""


def test_its_progress_is_passed_on_and_its_table_returned():
    lines = []
    code, table = follow(
        [sys.executable, "-c", SCRIPT],
        lines.append,
        env={"WHO": "me"},
        timeout=60,
    )
    assert (code, table) == (3, "table of me\n")
    assert lines == ["begun", "ended"]


def test_a_command_that_is_late_is_killed():
    code, _ = follow(["sleep", "60"], print, env={}, timeout=0.1)
    assert code == -9


def test_a_command_ends_with_whoever_follows_it():
    def interrupt(line):
        raise KeyboardInterrupt

    script = "echo begun >&2; exec sleep 60"
    with pytest.raises(KeyboardInterrupt):
        follow(["sh", "-c", script], interrupt, env={}, timeout=60)


def test_the_first_job_that_fails_is_raised_when_all_have_ended():
    done = []

    def fail():
        raise ValueError("the first")

    with pytest.raises(ValueError, match="the first"):
        at_once([fail, lambda: done.append(1)])
    assert done == [1]


def test_a_costly_question_is_asked_for_a_share_of_the_time_only():
    asked = []

    def ask():
        asked.append(time.monotonic())
        time.sleep(0.02)
        return len(asked) == 2

    condition = sparing(ask, share=0.5)
    while not condition():
        pass
    assert asked[1] - asked[0] >= 0.04


def test_an_interrupt_does_not_wait_for_the_jobs_under_way():
    power = threading.Event()

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        at_once([interrupted, lambda: power.wait(60)])
    assert not power.is_set()
    power.set()
