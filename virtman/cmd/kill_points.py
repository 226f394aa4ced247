# SPDX-License-Identifier: Apache-2.0
"""The moments at which the agent's process may end, for tests that end it.

Whatever changes the host calls :meth:`KillPoints.done` afterwards: every
privileged command (:func:`virtman.privsep.observe`), every write of an
intent, every login and logout.  So the moments need no list, and a new one
cannot be forgotten.

A test sets ``VIRTMAN_DIE_AFTER`` to a number, and from SIGUSR1 on the agent
kills itself with SIGKILL after that many changes.  So one agent can first put
in order what the last one has left, and then be the next to die.  Nothing
else reads the variable, and no agent in use has it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping

_AFTER = "VIRTMAN_DIE_AFTER"


class KillPoints:
    """Hears of each change; does nothing about it."""

    def done(self, what: str) -> None:
        """Note a change that has just been made."""


class KillAfter(KillPoints):
    """Ends the process after so many changes, at once and without a word."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._counting = False
        self._guard = threading.Lock()

    def count(self, *_: object) -> None:
        """Count from here; takes what a signal's handler is given."""
        self._counting = True

    def done(self, what: str) -> None:
        """Count a change; the last one is named, for the test's report."""
        with self._guard:
            self._left -= self._counting
            if self._left == 0 and self._counting:
                os.write(sys.stderr.fileno(), f"died after {what}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)


def from_environment(environment: Mapping[str, str]) -> KillPoints:
    """Return the steps that the environment asks for; none in real use.

    To be called in the main thread, which is the one that hears of signals.
    """
    number = environment.get(_AFTER, "")
    if not number.isdigit():
        return KillPoints()
    steps = KillAfter(int(number))
    signal.signal(signal.SIGUSR1, steps.count)
    return steps
