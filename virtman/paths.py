# SPDX-License-Identifier: Apache-2.0
"""Keeps an image's live paths in line with the sources that are wanted.

One thread an image.  It logs in to the first sources of the list that answer
(``live`` of them), puts each new path under the multipath device before an
unwanted one goes, and then logs that one out.  A parent that is not there
yet is asked again; the next source stands in for it meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from virtman.exception import NoSource, VirtmanError, WrongIdentity
from virtman.path import Path, Source

LOG = logging.getLogger(__name__)

# Seconds between two rounds of asking portals that did not answer; it grows
# to the second figure.  A wish that changes wakes the thread at once.
_RETRY_FIRST, _RETRY_MOST = 0.2, 5.0


class Sessions(Protocol):
    """What the thread needs of a connector."""

    def serves(self, source: Source) -> bool:
        """Tell whether a portal serves the target now."""

    def connect(self, source: Source) -> Path:
        """Log in; :raises NoSource: it failed."""

    def disconnect(self, path: Path) -> None:
        """Log out."""


class Paths:
    """The paths of one image, wanted and live.

    :param apply: puts a list of paths, best first, under the device, and
        returns None while there is no device.
    :param check: raises WrongIdentity for a disk that is not the image.
    """

    def __init__(
        self,
        name: str,
        sessions: Sessions,
        apply: Callable[[Sequence[Path]], bool | None],
        check: Callable[[Path], None],
        *,
        live: int,
        standby_wait: float,
    ) -> None:
        self._name = name
        self._sessions = sessions
        self._apply = apply
        self._check = check
        self._live = live
        self._standby_wait = standby_wait
        self._changed = threading.Condition()
        self._wanted: tuple[Source, ...] = ()
        self._paths: dict[Source, Path] = {}
        self._trouble: dict[Source, str] = {}
        self._applied: tuple[Path, ...] = ()
        self._standby_from = 0.0
        self._ending = False
        self._dirty = False
        self._thread = threading.Thread(
            target=self._run, name=f"paths-{name}", daemon=True
        )

    def start(self, wanted: Sequence[Source]) -> None:
        """Begin to log in; returns at once."""
        self._wanted = tuple(dict.fromkeys(wanted))
        self._standby_from = time.monotonic() + self._standby_wait
        self._dirty = True
        self._thread.start()

    def want(self, wanted: Sequence[Source]) -> bool:
        """Change the list, best first; return whether it is another one."""
        new = tuple(dict.fromkeys(wanted))
        with self._changed:
            if new == self._wanted:
                return False
            LOG.info(
                "%s: sources are now %s",
                self._name, ", ".join(source.portal for source in new),
            )  # fmt: skip
            self._wanted = new
            self._standby_from = time.monotonic() + self._standby_wait
            self._wake()
            return True

    def refresh(self) -> None:
        """Put the live paths under the device again: it was just made."""
        with self._changed:
            self._applied = ()
            self._wake()

    def wait_first(self, timeout: float) -> Path:
        """Return the best live path, waiting for the first to come up.

        :param timeout: seconds.
        :raises NoSource: none did; the message tells what each said.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._paths, timeout):
                raise NoSource(self._why(timeout))
            return self._ordered()[0]

    def wait_applied(self, timeout: float) -> None:
        """Return when a live path is under the device.

        :raises NoSource: not within ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._applied, timeout):
                raise NoSource(self._why(timeout))

    @property
    def portals(self) -> list[str]:
        """The portals in use now, best first."""
        with self._changed:
            return [path.source.portal for path in self._applied]

    def stop(self) -> None:
        """End the thread; sessions stay until :meth:`logout`."""
        with self._changed:
            self._ending = True
            self._wake()
        if self._thread.is_alive():
            self._thread.join()

    def logout(self) -> None:
        """End every session.  The device above must be gone by now."""
        for path in list(self._paths.values()):
            self._sessions.disconnect(path)
            self._paths.pop(path.source, None)

    def _run(self) -> None:
        pause = _RETRY_FIRST
        while not self._ending:
            with self._changed:
                self._dirty = False
            try:
                settled = self._round()
            except VirtmanError as error:
                LOG.warning("%s: paths not changed: %s", self._name, error)
                settled = False
            except Exception:
                # A fault of ours; without this thread the image's readers
                # would wait for ever once their parent is gone.
                LOG.exception("%s: paths not changed", self._name)
                settled = False
            pause = self._rest(settled, pause)

    def _rest(self, settled: bool, pause: float) -> float:
        """Wait for a change, or for the next try; return the next pause."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._dirty or self._ending, None if settled else pause
            )
            woken = self._dirty
        return _RETRY_FIRST if woken else min(pause * 1.5, _RETRY_MOST)

    def _round(self) -> bool:
        """Do what can be done now; return whether nothing is left to try."""
        wanted = self._wanted
        for source in wanted:
            if self._ending or self._dirty:
                return False
            if self._may_connect(source, wanted):
                self._connect(source)
                self._put_under()
        self._put_under()
        self._drop_unwanted()
        tried = wanted[: self._live]
        return all(source in self._paths for source in tried)

    def _may_connect(self, source: Source, wanted: Sequence[Source]) -> bool:
        if source in self._paths:
            return False
        better = wanted[: wanted.index(source)]
        if sum(other in self._paths for other in better) >= self._live:
            return False
        first_is_up = wanted[0] in self._paths
        patience_over = time.monotonic() >= self._standby_from
        return source == wanted[0] or first_is_up or patience_over

    def _connect(self, source: Source) -> None:
        if not self._sessions.serves(source):
            self._trouble[source] = "does not serve the target"
            return
        try:
            path = self._sessions.connect(source)
        except NoSource as error:
            self._trouble[source] = str(error)
            return
        try:
            self._check(path)
        except WrongIdentity as error:
            if self._trouble.get(source) != str(error):
                LOG.error("%s: %s", self._name, error)
            self._trouble[source] = str(error)
            self._sessions.disconnect(path)
            return
        with self._changed:
            self._paths[source] = path
            self._trouble.pop(source, None)
            self._changed.notify_all()

    def _put_under(self) -> None:
        ordered = tuple(self._keep(self._ordered()))
        if not ordered or ordered == self._applied:
            return
        if self._apply(ordered) is None:
            return
        with self._changed:
            self._applied = ordered
            self._changed.notify_all()

    def _ordered(self) -> list[Path]:
        rank = {source: place for place, source in enumerate(self._wanted)}
        return sorted(
            self._paths.values(),
            key=lambda path: rank.get(path.source, len(rank)),
        )

    def _keep(self, ordered: list[Path]) -> list[Path]:
        """Drop what is not wanted, but never the last path there is."""
        wanted = [path for path in ordered if path.source in self._wanted]
        return wanted[: self._live] or ordered

    def _drop_unwanted(self) -> None:
        if not self._applied:
            return
        for path in self._ordered():
            if path not in self._applied:
                self._sessions.disconnect(path)
                with self._changed:
                    self._paths.pop(path.source, None)

    def _wake(self) -> None:
        self._dirty = True
        self._changed.notify_all()

    def _why(self, timeout: float) -> str:
        said = "; ".join(
            f"{source.portal}: {self._trouble.get(source, 'no answer')}"
            for source in self._wanted
        )
        return f"{self._name}: no source answered in {timeout:g} s ({said})"
