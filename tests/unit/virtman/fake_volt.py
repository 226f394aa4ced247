# SPDX-License-Identifier: Apache-2.0
"""A coordinator that answers what a test says, and keeps what it heard."""

from __future__ import annotations

import threading

from fake_life import Life

from virtman.coordinator.protocol import VoltAway
from virtman.model import Assignment, BeatAnswer


class FakeVolt:
    """``answers`` are given to ``assign`` one by one, the last for ever.

    ``known`` are the image servers by image; ``parents`` and ``beat_after``
    are told to a heartbeat; ``error`` is raised by every verb.
    """

    gives_places = True

    def __init__(self, *answers):
        self.answers = list(answers) or [Assignment("me:volume-a", ())]
        self.parents = {}
        self.beat_after = None
        self.failed = []
        self.known = {}
        self.error = None
        self.heard = []
        self.life = Life()
        self._guard = threading.Lock()

    def go_away(self):
        self.error = VoltAway("volt at http://master:7447: refused")

    def verbs(self):
        return [verb for verb, _ in self.heard]

    def assign(self, peer, failed=()):
        self._hear("assign", peer)
        self.failed.append(list(failed))
        with self._guard:
            if len(self.answers) > 1:
                return self.answers.pop(0)
            return self.answers[0]

    def register(self, peer):
        self._hear("register", peer)

    def leave(self, peer):
        self._hear("leave", peer)
        return True

    def beat(self, reports):
        self._hear("beat", list(reports))
        return BeatAnswer(self.parents, self.beat_after)

    def servers(self, image):
        self._hear("servers", image)
        return self.known.get(image, ())

    def publish(self, peer, facts):
        self._hear("publish", (peer, facts))

    def withdraw(self, peer):
        self._hear("withdraw", peer)

    def _hear(self, verb, about):
        self.life.alive()
        with self._guard:
            self.heard.append((verb, about))
        if self.error is not None:
            raise self.error
        if verb not in ("beat", "servers"):
            self.life.done(f"volt: {verb}")
