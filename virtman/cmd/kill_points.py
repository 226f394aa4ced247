# SPDX-License-Identifier: Apache-2.0
"""Kill points: the moments at which a test ends the agent with SIGKILL.

Each change to the host is followed by a call of :meth:`KillPoints.done`: every
privileged command (:func:`virtman.privsep.observe`), every write of an
intent, every login and logout.  So the kill points need no list, and a new
one cannot be forgotten.

A test sets ``VIRTMAN_DIE_AFTER`` to a number, and from SIGUSR1 on the agent
kills itself with SIGKILL after that many changes.  So an agent can first
recover from the death of the last one, and then be the next to die.  Nothing
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
    """Is called after each change to the host, and does nothing."""

    def done(self, change: str) -> None:
        """Note a change that has just been made."""


class KillAfter(KillPoints):
    """Ends the process with SIGKILL after a number of changes."""

    def __init__(self, number: int) -> None:
        self._remaining = number
        self._counting = False
        self._guard = threading.Lock()

    def count(self, *_: object) -> None:
        """Begin to count; the arguments are those of a signal handler."""
        self._counting = True

    def done(self, change: str) -> None:
        """Count a change; print the last one, for the test's report."""
        with self._guard:
            self._remaining -= self._counting
            if self._remaining == 0 and self._counting:
                os.write(
                    sys.stderr.fileno(), f"died after {change}\n".encode()
                )
                os.kill(os.getpid(), signal.SIGKILL)


def from_environment(environment: Mapping[str, str]) -> KillPoints:
    """Return the kill points that the environment asks for; none in real use.

    To be called in the main thread: Python sets signal handlers in no other.
    """
    number = environment.get(_AFTER, "")
    if not number.isdigit():
        return KillPoints()
    kill_points = KillAfter(int(number))
    signal.signal(signal.SIGUSR1, kill_points.count)
    return kill_points
