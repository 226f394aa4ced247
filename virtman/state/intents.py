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
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from virtman import names
from virtman.exception import VirtmanError
from virtman.state import files
from virtman.state.intent import I, InstanceIntent, Intent
from virtman.state.intent_json import dumps, loads

LOG = logging.getLogger(__name__)


class Intents:
    """Every intent of this node, kept in step with the files.

    :param folder: the folder of the files; it is made if missing.
    :param done: is called with a description of each change.
    """

    def __init__(
        self, folder: Path, done: Callable[[str], None] = lambda change: None
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
            files.write_whole(
                self._folder / names.intent_file(*key), dumps(intent)
            )
            self._all[key] = intent
        self._done(f"intent {intent.kind} {intent.name}")

    def remove(self, intent: Intent) -> None:
        """Remove an intent and its file; a missing one is no error."""
        key = (intent.kind, intent.name)
        with self._guard:
            if self._all.pop(key, None) is None:
                return
            (self._folder / names.intent_file(*key)).unlink(missing_ok=True)
            files.flush(self._folder)
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
                raise ValueError(f"its name should be {wanted}")
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


def _set_aside(file: Path, error: Exception) -> None:
    aside = file.with_suffix(".broken")
    LOG.error(
        "%s is not an intent and is set aside as %s; the resources that it "
        "described are left as they are: %s", file, aside.name, error,
    )  # fmt: skip
    try:
        file.replace(aside)
    except OSError as failed:
        LOG.error("%s stays: %s", file, failed)
