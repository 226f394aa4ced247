# SPDX-License-Identifier: Apache-2.0
"""The intents: what is wanted of this node, one small file for each.

``<state_dir>/intents/<kind>.<name>.json``, written before the first step of
a creation and removed after the last one of the destruction.  With the
kernel, which says what exists, and the names, which say whose it is, an
agent that was killed at any step finds its way (:mod:`virtman.node.recovery`).

A file is either whole or not there: it is written beside, flushed, renamed,
and the folder flushed.  A file that cannot be read as an intent is set aside
as ``<name>.broken``, and the log has the reason.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from virtman import names
from virtman.exception import VirtmanError
from virtman.model import ImageFacts
from virtman.path import Login, Source
from virtman.state.intent_schema import VERSION, check

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class InstanceIntent:
    """The intent of an instance.

    ``device`` is the device that the caller gave for the writes, ``file`` the
    file of the store unless that is the device itself.  As long as the intent
    is ``fresh``, no caller was told of the disk and the store has no data to
    keep.  ``facts`` are those of the image under the writes, which fit on no
    other.  While the intent is not ``active``, no disk is wanted and the
    writes are kept.  ``remote`` is the store if that is a volume to log in
    to, ``serial`` the unit serial number that it had.  ``blank`` tells that
    nothing may have been written on it yet; it is never wiped all the same.
    """

    name: str
    image: str
    connections: tuple[Source, ...] = ()
    device: str | None = None
    file: str | None = None
    facts: ImageFacts | None = None
    fresh: bool = True
    active: bool = True
    leaving: bool = False
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
_KINDS: dict[str, type[Intent]] = {
    kind.kind: kind
    for kind in (InstanceIntent, ImageIntent, TargetIntent, StoreIntent)
}


class Intents:
    """Every intent of this node, kept in step with the files.

    :param folder: the folder of the files; it is made if missing.
    :param done: is called with a description of each change.
    """

    def __init__(
        self, folder: Path, done: Callable[[str], None] = lambda what: None
    ) -> None:
        self._folder = folder
        self._done = done
        self._guard = threading.Lock()
        self._all: dict[tuple[str, str], Intent] = {}

    def load(self) -> None:
        """Read every intent from its file; set aside the unreadable files."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._guard:
            self._all = {}
            for file in sorted(self._folder.glob("*.json")):
                self._load(file)

    def put(self, intent: Intent) -> None:
        """Write an intent so that it outlives a power cut."""
        key = (intent.kind, intent.name)
        with self._guard:
            if self._all.get(key) == intent:
                return
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self._folder / names.intent_file(*key), dumps(intent))
            self._all[key] = intent
        self._done(f"intent {intent.kind} {intent.name}")

    def remove(self, intent: Intent) -> None:
        """Remove an intent and its file; a missing one is no error."""
        key = (intent.kind, intent.name)
        with self._guard:
            if self._all.pop(key, None) is None:
                return
            (self._folder / names.intent_file(*key)).unlink(missing_ok=True)
            _flush(self._folder)
        self._done(f"intent {intent.kind} {intent.name} removed")

    def get(self, kind: type[I], name: str) -> I | None:
        """Return the intent of a kind and a name."""
        intent = self._all.get((kind.kind, name))
        return intent if isinstance(intent, kind) else None

    def all(self, kind: type[I]) -> list[I]:
        """Return every intent of a kind, by name."""
        with self._guard:
            intents = [item for item in self._all.values()]
        of_kind = [item for item in intents if isinstance(item, kind)]
        return sorted(of_kind, key=lambda intent: intent.name)

    def on_image(self, image: str) -> list[InstanceIntent]:
        """Return the intents of the instances on an image."""
        return [i for i in self.all(InstanceIntent) if i.image == image]

    def _load(self, file: Path) -> None:
        try:
            intent = loads(file.read_text())
            wanted = names.intent_file(intent.kind, intent.name)
            if file.name != wanted:
                raise ValueError(f"it belongs into {wanted}")
        except (OSError, ValueError, VirtmanError) as error:
            _set_aside(file, error)
            return
        self._all[intent.kind, intent.name] = intent


def peek(folder: Path) -> list[Intent]:
    """Return the intents in a folder, and change nothing there.

    A file that cannot be read as an intent is passed over.
    """
    intents: list[Intent] = []
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, VirtmanError):
            intents.append(loads(file.read_text()))
    return intents


def dumps(intent: Intent) -> str:
    """Return an intent as the text of its file."""
    fields = dataclasses.asdict(intent)
    # Fields that are not set are left out, so that older agents read the rest.
    for name in ("remote", "serial"):
        if fields.get(name, "") is None:
            del fields[name]
    if not fields.get("blank", True):
        del fields["blank"]
    remote = [fields["remote"]] if "remote" in fields else []
    asked = [fields] if "login" in fields else []
    for source in (*fields.get("connections", ()), *remote, *asked):
        if source["login"] is None:
            del source["login"]
    text = {"version": VERSION, "kind": intent.kind, **fields}
    return json.dumps(text, indent=1) + "\n"


def loads(text: str) -> Intent:
    """Return the intent that the text of a file describes.

    :raises ValueError: the text is not an intent of a known version.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    check(fields)
    del fields["version"]
    kind = _KINDS[fields.pop("kind")]
    if fields.get("facts"):
        fields["facts"] = ImageFacts(**fields["facts"])
    if "connections" in fields:
        fields["connections"] = tuple(
            _source(item) for item in fields["connections"]
        )
    if "remote" in fields:
        fields["remote"] = _source(fields["remote"])
    if "login" in fields:
        fields["login"] = Login(**fields["login"])
    intent: Intent = kind(**fields)
    names.check_key(intent.kind, intent.name)
    return intent


def _source(item: dict[str, Any]) -> Source:
    login = item.pop("login", None)
    return Source(**item, login=Login(**login) if login else None)


def _write(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(handle)
    fresh.replace(file)
    _flush(file.parent)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _set_aside(file: Path, error: Exception) -> None:
    aside = file.with_suffix(".broken")
    LOG.error(
        "%s makes no sense and is set aside as %s; what it was about is left "
        "as it is: %s", file, aside.name, error,
    )  # fmt: skip
    try:
        file.replace(aside)
    except OSError as failed:
        LOG.error("%s stays: %s", file, failed)
