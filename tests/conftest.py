# SPDX-License-Identifier: Apache-2.0
"""What all tests begin with."""

import locale
import logging
import signal

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about us: on a
# busy one the default of 0.2 s failed tests that were right.
settings.register_profile(
    "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")

# A shell has what it runs in the background ignore Ctrl-C, and the programs
# that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_words_of_others_brokers(request, monkeypatch):
    """Keep threads that still look for an earlier test's broker quiet.

    oslo.messaging cannot be told to stop while it does.
    """
    if not any(w in request.path.name for w in ("broker", "messaging")):
        for name in ("oslo.messaging", "oslo_messaging"):
            logger = logging.getLogger(f"{name}._drivers.impl_rabbit")
            monkeypatch.setattr(logger, "disabled", True)


@pytest.fixture(autouse=True)
def _the_locale_as_it_was():
    """Take back what a test's environment made of the locale.

    cliff sets it by the environment as it begins; where a test had given one
    without a language, all that came later read files as ASCII.
    """
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.fixture(autouse=True)
def _the_log_as_it_was():
    """Take back where a test had the process log to.

    What runs our commands sets the log up as they do, often to a stream that
    is closed with the test; whoever logged next would print a traceback.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
