# SPDX-License-Identifier: Apache-2.0
"""An agent's life in a test, and its sudden end after some change."""

from __future__ import annotations

import threading

from virtman.state.intents import Intents


class Killed(BaseException):
    """The agent was killed with SIGKILL; nothing of it runs any more."""


class Life:
    """Counts changes; after ``left`` of them nothing can be changed.

    ``died_after`` tells the last one.
    """

    def __init__(self, lifespan=None):
        self._lifespan = lifespan
        self._guard = threading.Lock()
        self.died_after = None

    @property
    def over(self):
        return self.died_after is not None

    def die_after(self, lifespan):
        """Be killed after so many changes from now."""
        self._lifespan = lifespan

    def alive(self):
        """Raise unless the agent still runs; asked before each change."""
        if self.over:
            raise Killed

    def done(self, change):
        self.alive()
        with self._guard:
            if self._lifespan is None:
                return
            self._lifespan -= 1
            if self._lifespan > 0:
                return
            self.died_after = change
        raise Killed


class MortalIntents(Intents):
    """Intents that a dead agent cannot write any more."""

    def __init__(self, folder, life):
        super().__init__(folder, life.done)
        self._life = life

    def put(self, intent):
        self._life.alive()
        super().put(intent)

    def remove(self, intent):
        self._life.alive()
        super().remove(intent)
