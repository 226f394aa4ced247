# SPDX-License-Identifier: Apache-2.0
"""What strategies have in common: they admit callers, or refuse them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

Environ = dict[str, Any]


class Caller(Protocol):
    """Somebody who was let in."""

    @property
    def trusted(self) -> bool:
        """Whether it may name another host than the one it calls from."""

    def check(self, method: str, route: str, path: Mapping[str, str]) -> None:
        """Raise ``Forbidden`` unless it may do this.

        ``route`` is a key of the table in volt/api/routes.py; ``path`` holds
        the identifiers found for the names in it.
        """


class Strategy(Protocol):
    """Decides who is let in; serves several threads.

    Its files are read when it is made; to read them again, make another.
    """

    def admit(self, environ: Environ) -> Caller:
        """Return who calls, or raise ``Unauthorized`` or ``Forbidden``.

        Raises ``Unavailable`` when it cannot tell now.
        """

    def was_away(self) -> bool:
        """Return whether callers got ``Unavailable``, and forget it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Anybody:
    """A caller who may do everything."""

    trusted: bool = False

    def check(self, method: str, route: str, path: Mapping[str, str]) -> None:
        """Let it."""
