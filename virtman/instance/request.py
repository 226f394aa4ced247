# SPDX-License-Identifier: Apache-2.0
"""The request for an instance's disk, as every door hands it down."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from virtman.path import Source


class Writes(enum.Enum):
    """What becomes of writes that the COW store of a new instance has.

    KEEP: another host has written them, the disk needs them.  DISCARD: they
    may be lost.  DETECT: the caller does not know; a volume tells by its
    header whether it has writes, and keeps them; any other store must have
    none.
    """

    KEEP = enum.auto()
    DISCARD = enum.auto()
    DETECT = enum.auto()

    @classmethod
    def of(cls, keep: bool | None) -> Writes:
        """Return the member for the argument ``keep`` of a door."""
        if keep is None:
            return cls.DETECT
        return cls.KEEP if keep else cls.DISCARD


@dataclass(frozen=True)
class OwnFile:
    """A COW store in a sparse file that the agent makes."""


@dataclass(frozen=True)
class GivenDevice:
    """A COW store on a block device of this host that the caller names."""

    path: str


# A Source is a volume of another host, to log in to by iSCSI.
CowSource = OwnFile | GivenDevice | Source


@dataclass(frozen=True)
class DiskRequest:
    """The disk that an instance is to have.

    :param instance: the instance's name.
    :param image: the image's name, or its key.
    :param connections: image servers to read from when volt has no source;
        if empty, those that volt knows.
    :param cow: where the VM's writes go.
    :param writes: for an instance that is new to this host.
    """

    instance: str
    image: str
    connections: tuple[Source, ...] = ()
    cow: CowSource = OwnFile()
    writes: Writes = Writes.DETECT

    @property
    def device(self) -> str | None:
        """The path of the caller's block device, if one is given."""
        return self.cow.path if isinstance(self.cow, GivenDevice) else None

    @property
    def remote(self) -> Source | None:
        """The volume to log in to, if the writes go to one."""
        return self.cow if isinstance(self.cow, Source) else None
