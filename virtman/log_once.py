# SPDX-License-Identifier: Apache-2.0
"""Remembers what was logged, so that a lasting fault is logged once."""

from __future__ import annotations

import threading
from collections.abc import Collection, Hashable

# Subjects that are remembered; beyond that all are forgotten, and the memory
# does not grow with what other machines send.
_MOST = 1024


class LogOnce:
    """The last message about each subject; any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: dict[Hashable, str] = {}

    def is_new(self, subject: Hashable, message: object = "") -> bool:
        """Remember a message; return whether the subject's last one differs.

        :param message: its text counts: an error, say.
        """
        text = str(message)
        with self._lock:
            if self._messages.get(subject) == text:
                return False
            if len(self._messages) >= _MOST:
                self._messages.clear()
            self._messages[subject] = text
            return True

    def forget(self, subject: Hashable) -> bool:
        """Forget a subject that is in order; return whether it was known."""
        with self._lock:
            return self._messages.pop(subject, None) is not None

    def retain(self, subjects: Collection[Hashable]) -> None:
        """Forget all but these subjects."""
        with self._lock:
            for subject in self._messages.keys() - set(subjects):
                del self._messages[subject]
