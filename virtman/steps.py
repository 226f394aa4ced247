# SPDX-License-Identifier: Apache-2.0
"""The moments at which the agent's process may end, for tests that end it.

Whatever changes the host tells :meth:`Steps.done` when it has done so: every
privileged command (:func:`virtman.privsep.observe`), every write of an
intent, every login and logout.  So nobody has to list the moments, and a new
one cannot be forgotten.

A test sets ``VIRTMAN_DIE_AFTER`` to a number, and the agent kills itself with
SIGKILL after that many changes, counted from the moment that recovery is over
(``VIRTMAN_DIE_FROM=start``: from its start).  Nothing else reads the
variables, and no agent in use has them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping

_AFTER, _FROM = "VIRTMAN_DIE_AFTER", "VIRTMAN_DIE_FROM"


class Steps:
    """Hears of each change; does nothing about it."""

    def serving(self) -> None:
        """Note that recovery is over and callers are served."""

    def done(self, what: str) -> None:
        """Note a change that has just been made."""


class DieAfter(Steps):
    """Ends the process after so many changes, at once and without a word."""

    def __init__(self, number: int, *, counting: bool) -> None:
        self._left = number
        self._counting = counting
        self._guard = threading.Lock()

    def serving(self) -> None:
        """Count from here."""
        self._counting = True

    def done(self, what: str) -> None:
        """Count a change; the last one is named, for the test's report."""
        with self._guard:
            self._left -= self._counting
            if self._left == 0 and self._counting:
                os.write(sys.stderr.fileno(), f"died after {what}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)


def from_environment(environment: Mapping[str, str]) -> Steps:
    """Return the steps that the environment asks for; none in real use."""
    number = environment.get(_AFTER, "")
    if not number.isdigit():
        return Steps()
    return DieAfter(int(number), counting=environment.get(_FROM) == "start")
