# SPDX-License-Identifier: Apache-2.0
"""Portals that serve when told to, and the log of what was done, in order."""

from __future__ import annotations

import threading

from fake_life import Life

from virtman.exception import NoSource
from virtman.path import Path, SessionState, Source

IQN = "iqn.2010-10.org.openstack:volume-a"
PATIENCE = 10.0


def source(host):
    return Source(host, 3260, IQN)


class Portals:
    """Stands in for the connector; hosts are words.

    ``serving`` are the hosts that serve the target, ``failing`` those whose
    logins fail, ``down`` and ``gone`` those whose sessions are.  ``log``
    holds pairs: what was done, and to which host.
    """

    def __init__(self, *serving: str) -> None:
        self.serving = set(serving)
        self.failing: set[str] = set()
        self.down: set[str] = set()
        self.gone: set[str] = set()
        self.log: list[tuple[str, str]] = []
        self.sessions: dict[Source, Path] = {}
        self._changed = threading.Condition()
        self.life = Life()

    def serves(self, source: Source) -> bool:
        self.note("ask", source.host)
        return source.host in self.serving

    def connect(self, source: Source) -> Path:
        self.life.alive()
        self.note("login", source.host)
        if source.host in self.failing:
            raise NoSource(f"login to {source.host} failed")
        path = self.disk(source)
        self.sessions[source] = path
        self.life.done(f"login {source.host}")
        return path

    def connect_store(self, source: Source) -> Path:
        return self.connect(source)

    def logged_in(self, source: Source) -> bool:
        return source in self.sessions

    def disconnect(self, path: Path) -> None:
        self.life.alive()
        self.sessions.pop(path.source)
        self.gone.discard(path.source.host)
        self.down.discard(path.source.host)
        self.note("logout", path.source.host)
        self.life.done(f"logout {path.source.host}")

    def standing(self, iqn: str) -> list[Path]:
        return [p for s, p in self.sessions.items() if s.iqn == iqn]

    def state(self, path: Path) -> SessionState:
        host = path.source.host
        if host in self.gone or path.source not in self.sessions:
            return SessionState.GONE
        return SessionState.DOWN if host in self.down else SessionState.UP

    def disk(self, source: Source) -> Path:
        return Path(source, f"/dev/disk-of-{source.host}", 128)

    def note(self, action: str, whom: str) -> None:
        with self._changed:
            self.log.append((action, whom))
            self._changed.notify_all()

    def done(self, action: str) -> list[str]:
        """Return to whom something was done so far, in order."""
        with self._changed:
            return [whom for did, whom in self.log if did == action]

    def wait(self, action: str, whom: str, times: int = 1) -> None:
        """Return when it has been done so often; fail if it never is."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.log.count((action, whom)) >= times, PATIENCE
            ), f"no {action} {whom} ({times}) in {self.log}"
