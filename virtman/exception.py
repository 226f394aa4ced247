# SPDX-License-Identifier: Apache-2.0
"""What can go wrong on a node, one class a failure.

The message of each names the thing at fault and the remedy.  Doors
(``virtman/rpc``) translate the two families below into their own language;
everything else under :class:`VirtmanError` is a plain failure.
"""

from __future__ import annotations

from collections.abc import Sequence


class VirtmanError(Exception):
    """Any failure the agent can name."""


class AlreadyExists(VirtmanError):
    """What was to be made is there already, and nothing was changed."""


class NotFound(VirtmanError):
    """What was named is not here, and nothing was changed."""


class InvalidRequest(VirtmanError):
    """The request cannot be right, whatever the state of the node."""


class InUse(VirtmanError):
    """Somebody else holds the file, the device or the target."""


class NoSpace(VirtmanError):
    """A file system is too small for what was asked."""


class NoSource(VirtmanError):
    """No portal that could serve the image answered in time."""


class WrongIdentity(VirtmanError):
    """A disk answered, but it is not the image that was asked for."""


class MissingTools(VirtmanError):
    """Programs, kernel modules or daemons that the agent needs are absent."""


class NoPrivileges(VirtmanError):
    """The agent is not root's, and nobody starts its helpers as root."""


class ConfigError(VirtmanError):
    """A configuration file says something that nobody understands."""


class LayerError(VirtmanError):
    """A layer of a device stack could not be built or removed."""


class LayerMismatch(LayerError):
    """A kernel object has our name but not the content we want."""


class RollbackError(LayerError):
    """A build failed, and so did taking away what it had built."""

    def __init__(self, cause: Exception, rollback: Exception) -> None:
        super().__init__(
            f"{cause}; taking back what was built failed too: {rollback}"
        )
        self.cause = cause
        self.rollback = rollback


class CommandError(LayerError):
    """A program ended badly; keeps all that it said.

    Arguments stay positional: oslo.privsep rebuilds an exception from its
    class and ``args`` when it crosses from the helper to the agent.
    """

    def __init__(
        self, argv: Sequence[str], code: int | None, out: str, err: str
    ) -> None:
        super().__init__(list(argv), code, out, err)
        self.argv = list(argv)
        self.code = code
        self.out = out
        self.err = err

    def __str__(self) -> str:
        """Give command, exit code and both outputs in one line."""
        ending = "timed out" if self.code is None else f"exit {self.code}"
        output = " / ".join(
            part.strip() for part in (self.err, self.out) if part.strip()
        )
        return f"{' '.join(self.argv)}: {ending}: {output or 'no output'}"
