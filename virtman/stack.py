# SPDX-License-Identifier: Apache-2.0
"""A stack of device layers: built bottom up, removed top down.

A layer answers three questions: what is there now, build it, take it away.
It keeps no state of its own; what exists is asked of the kernel each time.
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from virtman.exception import LayerMismatch, RollbackError

LOG = logging.getLogger(__name__)


class State(Enum):
    """What a layer finds in the kernel."""

    ABSENT = "absent"
    ACTIVE = "active"
    MISMATCH = "mismatch"


@dataclass(frozen=True)
class Status:
    """A layer's state and the device that it offers to the layer above."""

    state: State
    device: str = ""
    reason: str = ""


ABSENT = Status(State.ABSENT)


class Layer(abc.ABC):
    """One level of a stack: holds what is wanted, asks the kernel what is."""

    @abc.abstractmethod
    def status(self, below: str) -> Status:
        """Look, change nothing.  ``below`` is the path of the device under."""

    @abc.abstractmethod
    def build(self, below: str) -> str:
        """Create the device on ``below`` and return its path, or nothing."""

    @abc.abstractmethod
    def deactivate(self) -> bool:
        """Remove the device if it is there; return whether it was."""

    def activate(self, below: str) -> tuple[str, bool]:
        """Return the device and whether this call made it.

        :raises LayerMismatch: something else has our name.
        """
        status = self.status(below)
        if status.state is State.MISMATCH:
            raise LayerMismatch(
                f"{type(self).__name__.lower()} {status.device}: "
                f"{status.reason}"
            )
        if status.state is State.ACTIVE:
            return status.device, False
        return self.build(below), True


class Stack:
    """Layers in order, the bottom one first."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    def activate(self, below: str = "") -> str:
        """Build what is missing; on failure take away what this call built.

        :returns: the device of the topmost layer.
        :raises RollbackError: that failed too; both errors are in it.
        """
        device, built = below, list[Layer]()
        try:
            for layer in self.layers:
                device, created = layer.activate(device)
                if created:
                    built.append(layer)
                    LOG.debug("%s: %s", type(layer).__name__, device)
        except Exception as cause:
            _roll_back(built, cause)
            raise
        return device

    def deactivate(self) -> bool:
        """Remove top down, stopping at the first layer that refuses.

        What lies under a layer that would not go is still in use.
        """
        return _remove(self.layers)


def _remove(layers: Sequence[Layer]) -> bool:
    changed = False
    for layer in reversed(layers):
        changed = layer.deactivate() or changed
    return changed


def _roll_back(built: Sequence[Layer], cause: Exception) -> None:
    try:
        _remove(built)
    except Exception as failed:
        raise RollbackError(cause, failed) from cause
