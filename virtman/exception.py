# SPDX-License-Identifier: Apache-2.0
"""The failures of a node, one class each.

The message of each names the thing at fault and the remedy.  Doors
(``virtman/rpc``) translate the two families below into their own language;
everything else under :class:`VirtmanError` is a plain failure.
"""

from __future__ import annotations

from collections.abc import Sequence


class VirtmanError(Exception):
    """Any failure that the agent can name."""


class AlreadyExists(VirtmanError):
    """The object to be made exists already; nothing was changed."""


class NotFound(VirtmanError):
    """The named object does not exist here; nothing was changed."""


class InvalidRequest(VirtmanError):
    """The request cannot be right, whatever the state of the node."""


class InUse(VirtmanError):
    """Another user holds the file, the device or the target."""


class NoSpace(VirtmanError):
    """A file system is too small for what was asked."""


class NoSource(VirtmanError):
    """No portal that could serve the image answered in time."""


class WrongIdentity(VirtmanError):
    """A disk answered, but it is not the image that was asked for."""


class MissingTools(VirtmanError):
    """Programs, kernel modules or daemons that the agent needs are absent."""


class NoPrivileges(VirtmanError):
    """The agent is not root's, and its helpers cannot be started as root."""


class ConfigError(VirtmanError):
    """A configuration file has an unknown option or a bad value."""


class LayerError(VirtmanError):
    """A layer of a device stack could not be built or removed."""


class LayerMismatch(LayerError):
    """A kernel object has a name of the agent, but other content."""


class RollbackError(LayerError):
    """A build failed, and so did the removal of its parts."""

    def __init__(self, cause: Exception, rollback: Exception) -> None:
        super().__init__(
            f"{cause}; taking back what was built failed too: {rollback}"
        )
        self.cause = cause
        self.rollback = rollback


class CommandError(LayerError):
    """A program failed; the error has its output.

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
