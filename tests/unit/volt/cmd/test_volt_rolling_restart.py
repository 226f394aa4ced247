# SPDX-License-Identifier: Apache-2.0
"""Workers come and go one at a time, and never are too few."""

import dataclasses
import itertools

import pytest

from volt.cmd.backoff import FIRST, LONGEST, STEADY, Backoff
from volt.cmd.rolling_restart import Step, cause, staff
from volt.cmd.workers import Worker


@dataclasses.dataclass
class Wanted:
    workers: int


def worker(settings, ready=True, **more):
    return Worker(1, None, settings, 0.0, 0.0, ready=ready, **more)


def run(members, settings):
    """Take steps until there is none; return the fewest who served."""
    fewest = len(members)
    for _ in range(100):
        step = staff(members, settings, None).step()
        coming = [one for one in members if not one.ready]
        if step is Step.HIRE:
            members.append(worker(settings, ready=False))
        elif step is Step.NOTHING and coming:
            coming[0].ready = True
        elif step is Step.NOTHING:
            return fewest
        else:
            members.remove(step)
        fewest = min(fewest, sum(one.ready for one in members))
    raise AssertionError("it never comes to an end")


def test_at_the_start_all_are_hired_at_once():
    settings = Wanted(3)
    members = [worker(settings, ready=False) for _ in range(2)]
    assert staff(members, settings, None).step() is Step.HIRE


def test_a_leaving_worker_and_one_on_trial_do_not_count():
    settings = Wanted(1)
    trial = worker(Wanted(5))
    members = [worker(settings, leaving=True), trial]
    here = staff(members, settings, trial)
    assert here.old == here.new == []
    assert here.step() is Step.HIRE


@pytest.mark.parametrize(
    ("before", "after"), list(itertools.product([2, 3, 8], [1, 2, 3, 8]))
)
def test_new_settings_leave_as_many_serving_as_there_have_to_be(before, after):
    old, settings = Wanted(before), Wanted(after)
    # One has proved the settings already.
    members = [worker(old) for _ in range(before)] + [worker(settings)]
    assert run(members, settings) >= min(before, after)
    assert [one.settings for one in members] == [settings] * after
    assert staff(members, settings, None).complete


def test_pauses_double_up_to_a_limit_and_end_with_a_steady_worker():
    now = [0.0]
    backoff = Backoff(lambda: now[0])
    assert backoff.left() == 0
    pauses = []
    for _ in range(9):
        pauses.append(backoff.note(now[0]))
        now[0] += pauses[-1]
    assert pauses[:3] == [FIRST, FIRST * 2, FIRST * 4]
    assert pauses[-1] == LONGEST
    assert backoff.note(now[0] - STEADY) == 0
    assert backoff.note(now[0]) == FIRST


def test_workers_that_die_together_cost_one_pause():
    now = [0.0]
    backoff = Backoff(lambda: now[0])
    assert [backoff.note(0.0) for _ in range(8)] == [FIRST] * 8


@pytest.mark.parametrize(
    ("how", "refusal", "words"),
    [
        (-9, None, "SIGKILL, perhaps for lack of memory"),
        (-11, None, "killed by SIGSEGV"),
        (3, None, "exit code 3"),
        (1, "no token", "cannot work as configured: no token"),
    ],
)
def test_the_cause_of_an_end_is_told(how, refusal, words):
    assert words in cause(worker(Wanted(1), refusal=refusal), how)
