# SPDX-License-Identifier: Apache-2.0
"""Conditions and attempts that are waited for, and their deadlines."""

from __future__ import annotations

import pytest

from virtman import waiting

# Seconds; no test waits for so long.
LONG, SHORT = 60.0, 0.1


def failing(*errors):
    """Return an attempt that raises these errors, and then succeeds."""
    rest = iter(errors)

    def attempt():
        for error in rest:
            raise error
        return "done"

    return attempt


def test_a_condition_that_holds_is_asked_once():
    answers = iter([True])
    assert waiting.until(lambda: next(answers), 0.0)


def test_a_condition_is_asked_until_it_holds():
    answers = iter([False, False, True])
    assert waiting.until(lambda: next(answers), LONG)


def test_a_condition_that_does_not_hold_in_time_is_false():
    assert not waiting.until(lambda: False, SHORT)


def test_an_attempt_is_repeated_while_its_errors_are_passing():
    attempt = failing(OSError("busy"), OSError("busy"))
    result = waiting.retry(attempt, OSError, lambda _: True, LONG)
    assert result == "done"


def test_a_passing_error_is_raised_when_the_time_has_run_out():
    attempt = failing(*[OSError("busy")] * 1000)
    with pytest.raises(OSError, match="busy"):
        waiting.retry(attempt, OSError, lambda _: True, SHORT)


@pytest.mark.parametrize("error", [OSError("refused"), ValueError("refused")])
def test_any_other_error_is_raised_at_once(error):
    with pytest.raises(type(error), match="refused"):
        waiting.retry(
            failing(error),
            OSError,
            lambda passing: "busy" in str(passing),
            LONG,
        )
