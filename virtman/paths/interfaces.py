# SPDX-License-Identifier: Apache-2.0
"""The interfaces of the host that an image's paths are built with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from virtman.path import Path, SessionState, Source


class Sessions(Protocol):
    """The iSCSI sessions of this host."""

    def serves(self, source: Source) -> bool:
        """Tell whether a source's portal serves its target now."""

    def connect(self, source: Source) -> Path:
        """Log in to a source; :raises NoSource: the login failed."""

    def connect_store(self, source: Source) -> Path:
        """Log in to a volume that is written on; as ``connect``."""

    def disconnect(self, path: Path) -> None:
        """Log out of a path's target."""

    def logged_in(self, source: Source) -> bool:
        """Tell whether there is a session with a source's target."""

    def standing(self, iqn: str) -> list[Path]:
        """Return the standing sessions with a target."""

    def state(self, path: Path) -> SessionState:
        """Return the state of a path's session, as the kernel has it."""


class Identity(Protocol):
    """Tells the image's disks from others."""

    def check(self, path: Path) -> None:
        """Check a new disk; :raises WrongIdentity: it is another image."""

    def check_again(self, path: Path) -> None:
        """Ask a disk for its serial number again, and check that."""


class Device(Protocol):
    """The multipath device."""

    def update(self, paths: Sequence[Path]) -> bool | None:
        """Put paths under the device, best first; None: no device stands."""

    def failed(self, paths: Sequence[Path]) -> list[Path]:
        """Return the paths that the kernel does not use any more."""

    def fail(self, path: Path) -> bool:
        """Tell the kernel not to use a path any more."""

    def take_back(self, path: Path) -> bool:
        """Tell the kernel to use a path again."""

    def open(self) -> bool:
        """Let reads wait while no path lives; return whether they failed."""

    def give_up(self) -> bool:
        """Let reads fail while no path lives; return whether they waited."""
