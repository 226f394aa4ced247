# SPDX-License-Identifier: Apache-2.0
"""The sources of the token that a call shows.

A source is a function, or a session of keystoneauth1, which is not imported
here: a caller with a session has the library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from voltclient import exceptions


class Session(Protocol):
    """The methods used of keystoneauth1's sessions and adapters."""

    def get_token(self) -> str | None:
        """Return a token with some life left, asking keystone if it must."""

    def invalidate(self) -> bool:
        """Forget the token."""


class Tokens(Protocol):
    """Gives each attempt of a call its token."""

    def current(self) -> str | None:
        """Return the token; raises ``TokenUnavailable``."""

    def instead_of(self, refused: str | None) -> str | None:
        """Return another token than the refused one, or None."""


class Fixed:
    """The same token at all times, or none."""

    def __init__(self, token: str | None) -> None:
        self._token = _sendable(token) if token else None

    def current(self) -> str | None:
        """Return the fixed token."""
        return self._token

    def instead_of(self, refused: str | None) -> None:
        """Return None: a fixed token has no other."""


class Asked:
    """A token that is asked for with each attempt."""

    def __init__(
        self,
        ask: Callable[[], str | None],
        forget: Callable[[], Any] = lambda: None,
    ) -> None:
        """``forget`` makes ``ask`` return another token next time."""
        self._ask = ask
        self._forget = forget

    def current(self) -> str | None:
        """Return what the source gives now."""
        try:
            token = self._ask()
        except Exception as error:  # the source's own kind
            raise exceptions.TokenUnavailable(
                f"the source of tokens gives none: {error}"
            ) from error
        return _sendable(token) if token else None

    def instead_of(self, refused: str | None) -> str | None:
        """Return what the source gives after it has forgotten."""
        self._forget()
        fresh = self.current()
        return None if fresh == refused else fresh


def tokens(
    token: str | Callable[[], str | None] | None, session: Session | None
) -> Tokens:
    """Return the source of tokens that a caller gave."""
    if session is not None:
        if token is not None:
            raise exceptions.CommandError(
                "both a token and a session are given; give one of them"
            )
        return Asked(session.get_token, session.invalidate)
    return Asked(token) if callable(token) else Fixed(token)


def first_in(text: str) -> str:
    """Return the secret to show of those in a ``token_file``, or ''.

    It has one a line, and comments; volt takes any of them.
    """
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and line[0] != "#"), "")


def _sendable(token: str) -> str:
    if not (token.isascii() and token.isprintable()):
        # Told without the token itself: messages end up in logs.
        raise exceptions.CommandError(
            "the token has characters that no header can carry; give one "
            "line of ASCII"
        )
    return token
