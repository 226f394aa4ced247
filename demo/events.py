# SPDX-License-Identifier: Apache-2.0
"""The events of a run, as values: steps report them, a display shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Begun:
    """A step has begun; ``name`` is its key in the figures."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A step has ended after so many seconds; ``note`` is its result."""

    name: str
    title: str
    seconds: float
    held: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Doing:
    """The present action of a step; the next one takes its place."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line that stays on the screen."""

    text: str


@dataclass(frozen=True, slots=True)
class TreeSeen:
    """The tree of an image: each node's sources, best first."""

    root: str
    parents: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Flow:
    """What one machine of the tree has sent and received so far.

    ``sent`` and ``received`` count whole images, the rates MiB a second;
    ``disks_read`` are the VM disks that were read to the last byte, of
    ``disks``.
    """

    sent: float
    received: float
    sending: float
    receiving: float
    disks_read: int = 0
    disks: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """How far each machine of the tree is, during a step."""

    name: str
    flows: Mapping[str, Flow]


@dataclass(frozen=True, slots=True)
class TreeDone:
    """The tree changes no more."""


Event = Begun | Ended | Doing | Said | TreeSeen | Moved | TreeDone
