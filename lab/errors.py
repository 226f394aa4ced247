# SPDX-License-Identifier: Apache-2.0
"""The errors of the lab; each message names the thing and the remedy."""

from __future__ import annotations


class LabError(Exception):
    """The base of the lab's errors."""


class MissingTool(LabError):
    """The host lacks programs, kernels or rights for the lab."""


class ToolFailed(LabError):
    """A program on the host failed; ``said`` is its output."""

    def __init__(self, command: str, code: int, output: str) -> None:
        super().__init__(f"{command}: exit code {code}: {output}")
        self.output = output


class WrongState(LabError):
    """The cluster is in another state than the call asks for."""


class NodeDown(LabError):
    """The node has no power, or does not answer."""


class NotInTime(LabError, TimeoutError):
    """A condition that was waited for did not come true in time."""


class CommandFailed(LabError):
    """A command in a node ended with another code than zero.

    ``code``, ``stdout`` and ``stderr`` are those of the command.
    """

    def __init__(
        self, command: str, code: int, stdout: str, stderr: str
    ) -> None:
        super().__init__(
            f"{command}: exit code {code}\n"
            f"{_tail('stdout', stdout)}{_tail('stderr', stderr)}".rstrip()
        )
        self.code, self.stdout, self.stderr = code, stdout, stderr


class CommandTimeout(CommandFailed):
    """A command in a node did not end in time and was killed."""


def _tail(name: str, text: str, size: int = 2000) -> str:
    return f"{name}: {text[-size:].rstrip()}\n" if text.strip() else ""
