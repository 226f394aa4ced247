# SPDX-License-Identifier: Apache-2.0
"""What keeping an image's paths asks of the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from virtman.path import Path, SessionState, Source


class Sessions(Protocol):
    """What is needed of a connector."""

    def serves(self, source: Source) -> bool:
        """Tell whether a portal serves the target now."""

    def connect(self, source: Source) -> Path:
        """Log in; :raises NoSource: it failed."""

    def connect_store(self, source: Source) -> Path:
        """Log in to a volume that is written on; as ``connect``."""

    def disconnect(self, path: Path) -> None:
        """Log out."""

    def logged_in(self, source: Source) -> bool:
        """Tell whether there is a session with a source's target."""

    def standing(self, iqn: str) -> list[Path]:
        """Return the sessions with this target that there are."""

    def state(self, path: Path) -> SessionState:
        """Ask the kernel for the session's state."""


class Identity(Protocol):
    """Tells the image's disks from others."""

    def check(self, path: Path) -> None:
        """Compare a new disk; :raises WrongIdentity: it is another one."""

    def check_again(self, path: Path) -> None:
        """Have the disk say anew what it is, and compare that."""


class Device(Protocol):
    """The multipath device."""

    def update(self, paths: Sequence[Path]) -> bool | None:
        """Put these paths, best first, under it; None: there is no device."""

    def failed(self, paths: Sequence[Path]) -> list[Path]:
        """Return those that the kernel does not use any more."""

    def fail(self, path: Path) -> bool:
        """Have the kernel use a path no more."""

    def take_back(self, path: Path) -> bool:
        """Have the kernel use it again."""

    def open(self) -> bool:
        """Let reads wait while no path lives; return whether they failed."""

    def give_up(self) -> bool:
        """Let reads fail while no path lives; return whether they waited."""
