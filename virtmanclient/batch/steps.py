# SPDX-License-Identifier: Apache-2.0
"""The steps of a plan, one type a kind of line.

A step is data: the node to ask, the ``vmtapi`` function to call there and
its arguments.  The fields of a type, in order, are those of its line.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One line of a plan.

    ``line`` counts from 1; ``node`` is the node that is asked.
    """

    symbol: ClassVar[str]
    method: ClassVar[str]

    line: int
    node: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``method`` after the node."""
        return ()

    def __str__(self) -> str:
        """Return the line without its node."""
        _, _, *fields = dataclasses.astuple(self)
        return " ".join((self.symbol, *fields))


@dataclasses.dataclass(frozen=True, slots=True)
class CreateTarget(Step):
    """Export a RAW file of the node as an image target."""

    symbol = "+"
    method = "create_image_target"

    image: str
    file_path: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``method`` after the node."""
        return self.image, self.file_path


@dataclasses.dataclass(frozen=True, slots=True)
class DestroyTarget(Step):
    """Stop exporting an image."""

    symbol = "-"
    method = "destroy_image_target"

    image: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``method`` after the node."""
        return (self.image,)


@dataclasses.dataclass(frozen=True, slots=True)
class ListTargets(Step):
    """List the image targets of a node."""

    symbol = "@"
    method = "list_image_target"


@dataclasses.dataclass(frozen=True, slots=True)
class CreateInstance(Step):
    """Make a VM's disk from an image."""

    symbol = "+"
    method = "create"

    instance: str
    image_server: str
    image: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``method``: image and server change places."""
        return self.instance, self.image, self.image_server


@dataclasses.dataclass(frozen=True, slots=True)
class DestroyInstance(Step):
    """Remove a VM's disk."""

    symbol = "-"
    method = "destroy"

    instance: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of ``method`` after the node."""
        return (self.instance,)


@dataclasses.dataclass(frozen=True, slots=True)
class ListInstances(Step):
    """List the VM disks of a node."""

    symbol = "@"
    method = "list"
