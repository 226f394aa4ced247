# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C ends a run, and does not end what takes it down."""

import os
import signal

import pytest

from demo import interrupt


@pytest.fixture(autouse=True)
def handlers():
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_interrupt(number):
    interrupt.enable()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_they_are_ignored_while_everything_is_taken_down():
    interrupt.enable()
    with interrupt.ignored():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
