# SPDX-License-Identifier: Apache-2.0
"""The kinds of intents: of an instance, an image, a target and a store.

An intent is a value; :mod:`virtman.state.intents` keeps them,
:mod:`virtman.state.intent_json` writes them as text.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TypeVar

from virtman.model import ImageFacts
from virtman.path import Login, Source


class InstanceState(enum.Enum):
    """What is wanted of an instance's disk.

    CREATING: no caller was told of the disk, and its store has no data to
    keep.  ACTIVE: the disk is wanted, with the writes in its store.  INACTIVE:
    no disk is wanted, and the writes are kept.  DELETING: the disk is to go,
    and its store if the agent made that.
    """

    CREATING = enum.auto()
    ACTIVE = enum.auto()
    INACTIVE = enum.auto()
    DELETING = enum.auto()

    @property
    def has_data(self) -> bool:
        """Whether the store may have writes that must not be lost."""
        return self in (InstanceState.ACTIVE, InstanceState.INACTIVE)

    @property
    def wants_disk(self) -> bool:
        """Whether the disk is to stand on its image."""
        return self in (InstanceState.CREATING, InstanceState.ACTIVE)


@dataclasses.dataclass(frozen=True)
class InstanceIntent:
    """The intent of an instance.

    ``device`` is the device that the caller gave for the writes, ``file`` the
    file of the store unless that is the device itself.  ``facts`` are those of
    the image under the writes, which fit on no other; None until they are
    known.  ``remote`` is the store if that is a volume to log in to,
    ``serial`` the unit serial number that it had.  ``blank`` tells that
    nothing may have been written on that volume yet; it is never wiped all
    the same.
    """

    name: str
    image: str
    connections: tuple[Source, ...] = ()
    device: str | None = None
    file: str | None = None
    facts: ImageFacts | None = None
    state: InstanceState = InstanceState.CREATING
    remote: Source | None = None
    serial: str | None = None
    blank: bool = False

    kind = "instance"


@dataclasses.dataclass(frozen=True)
class ImageIntent:
    """The intent of an image's stack; ``facts`` is None until known."""

    name: str
    connections: tuple[Source, ...]
    facts: ImageFacts | None = None
    leaving: bool = False

    kind = "image"


@dataclasses.dataclass(frozen=True)
class TargetIntent:
    """The intent of an image target; ``device`` is its loop device."""

    name: str
    iqn: str
    file: str
    device: str
    facts: ImageFacts
    leaving: bool = False

    kind = "target"


@dataclasses.dataclass(frozen=True)
class StoreIntent:
    """The intent of a server store, on which one initiator may write.

    ``login`` is the login with which the initiator was admitted; None before
    the first time, or where targets ask for none.
    """

    name: str
    iqn: str
    file: str
    initiator: str
    login: Login | None = None
    leaving: bool = False

    kind = "store"


Intent = InstanceIntent | ImageIntent | TargetIntent | StoreIntent
I = TypeVar(  # noqa: E741
    "I", InstanceIntent, ImageIntent, TargetIntent, StoreIntent
)
