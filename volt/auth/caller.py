# SPDX-License-Identifier: Apache-2.0
"""The interface of strategies: they admit callers, or refuse them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

Environ = dict[str, Any]


class Caller(Protocol):
    """An admitted caller."""

    @property
    def trusted(self) -> bool:
        """Whether the caller may name another host than its own."""

    def check(self, method: str, route: str, path: Mapping[str, str]) -> None:
        """Raise ``Forbidden`` unless the caller may use this method and route.

        ``route`` is a key of the table in volt/api/routes.py; ``path`` holds
        the identifiers found for the names in it.
        """


class Strategy(Protocol):
    """Decides which callers are admitted; serves several threads.

    A strategy reads its files when it is made; to read them again, make a
    new one.
    """

    def admit(self, environ: Environ) -> Caller:
        """Return the caller, or raise ``Unauthorized`` or ``Forbidden``.

        Raises ``Unavailable`` when the service that knows callers is away.
        """

    def was_away(self) -> bool:
        """Return whether a caller got ``Unavailable`` since the last call."""


@dataclasses.dataclass(frozen=True, slots=True)
class Anybody:
    """A caller that may do everything."""

    trusted: bool = False

    def check(self, method: str, route: str, path: Mapping[str, str]) -> None:
        """Allow every method of every route."""
