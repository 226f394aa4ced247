# SPDX-License-Identifier: Apache-2.0
"""The initiator that may write on each server store, and its login.

A store's intent has both.  They are read while a ticket is answered, and
changed when a store is opened to another initiator.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from virtman import names
from virtman.path import Login
from virtman.state.intent import StoreIntent
from virtman.state.intents import Intents


class StoreGrants:
    """Reads and changes the intents of the server stores of a host."""

    def __init__(self, intents: Intents) -> None:
        self._intents = intents
        # Held for moments, also while a ticket is answered.
        self._lock = threading.Lock()

    def put(self, intent: StoreIntent) -> None:
        """Write a store's intent."""
        with self._lock:
            self._intents.put(intent)

    def remove(self, intent: StoreIntent) -> None:
        """Remove a store's intent."""
        with self._lock:
            self._intents.remove(intent)

    def may_write(self, iqn: str, initiator: str) -> bool:
        """Tell whether a store is open to an initiator."""
        intent = self._of(iqn)
        return (
            intent is not None
            and not intent.leaving
            and intent.initiator == initiator
        )

    def keep_login(self, iqn: str, initiator: str, login: Login) -> None:
        """Write an initiator's login in the intent, for after a boot."""
        with self._lock:
            intent = self._of(iqn)
            if intent is not None and intent.initiator == initiator:
                self._intents.put(replace(intent, login=login))

    def holds(self, iqn: str, user: str) -> bool:
        """Tell whether an account is that of a store's initiator."""
        intent = self._of(iqn)
        login = intent.login if intent else None
        return login is not None and login.user == user

    def _of(self, iqn: str) -> StoreIntent | None:
        key = names.parse_store_iqn(iqn)
        return self._intents.get(StoreIntent, key) if key else None
