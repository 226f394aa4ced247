# SPDX-License-Identifier: Apache-2.0
"""The images that volumes stand on: made and exported once each.

For each image and size: a RAW file in the folder of images, and a target of
the image server's agent.  An image that no volume needs any more is kept for
the next volume until it has been idle for long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

from cinder import coordination, exception

from virtmanclient import exceptions
from virtmanclient.cinder import glance, volume_record
from virtmanclient.targets import Targets

LOG = logging.getLogger(__name__)
# The suffixes of files that glance.py has at work.
_LEFT = (".part", ".glance")


class Images:
    """The folder of RAW files, and their targets.

    :param idle: seconds after which an unneeded image is removed; 0: never
    """

    def __init__(self, folder: Path, targets: Targets, idle: float) -> None:
        self._folder = folder
        self._targets = targets
        self._idle = idle

    def begin(self) -> None:
        """Make the folder; remove half-done files of an earlier run.

        :raises OSError: the folder cannot be used
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for file in self._folder.iterdir():
            if file.suffix in _LEFT and volume_record.parts(file.stem):
                file.unlink()

    def file(self, key: str) -> Path:
        """Return an image's RAW file."""
        return self._folder / f"{key}.raw"

    def ensure(self, context: Any, service: Any, meta: Any, size: int) -> str:
        """Have an image exported on a disk of ``size`` GiB; return its key.

        The first caller makes the image; other callers wait for the first.

        :raises ImageUnacceptable: no disk can be made of the image
        :raises CinderException: the disk could not be made now
        """
        glance.require_usable(meta, size)
        key = volume_record.sized(meta["id"], size)

        def make() -> None:
            glance.fetch_raw(context, service, meta, size, self.file(key))

        self._stand(key, make)
        return key

    def enlarge(self, key: str, size: int) -> str:
        """Have a larger disk of the same image exported; return its key.

        :raises CinderException: the disk could not be made now
        """
        parts = volume_record.parts(key)
        if parts is None or size < parts[1]:
            raise exception.InvalidVolume(
                reason=f"virtman: no disk of {size} GiB can be made of the "
                f"image {key}; ask for at least its size"
            )
        larger = volume_record.sized(parts[0], size)

        def make() -> None:
            glance.enlarge(self.file(key), size, self.file(larger))

        self._stand(larger, make)
        return larger

    def tidy(self, needed: Callable[[], Container[str]]) -> None:
        """Remove images that no volume needs and that have long been idle.

        :param needed: returns the keys that volumes and snapshots stand on;
            called only if an image could be removed, for it asks the database
        """
        idle = [key for key in self._keys() if self._is_idle(key)]
        if not idle:
            return
        wanted = needed()
        for key in idle:
            if key not in wanted:
                self._remove(key=key)

    def _stand(self, key: str, make: Callable[[], None]) -> None:
        try:
            self._make_and_export(key=key, make=make)
        except exceptions.ClientError as error:
            raise exception.VolumeBackendAPIException(
                data=f"virtman: the image server does not export the image "
                f"{key}: {error}"
            ) from error

    @coordination.synchronized("virtman-image-{key}")
    def _make_and_export(self, key: str, make: Callable[[], None]) -> None:
        # First of all: an image in use must not look idle to another thread.
        self._stamp(key).touch()
        if not self.file(key).exists():
            LOG.info("the RAW file of the image %s is being made", key)
            try:
                make()
            except Exception:
                self._stamp(key).unlink(missing_ok=True)
                raise
        if f"{volume_record.IMAGE_PREFIX}{key}" not in self._targets.images():
            self._targets.create(key, str(self.file(key)))
            LOG.info("the image %s is exported", key)

    @coordination.synchronized("virtman-image-{key}")
    def _remove(self, key: str) -> None:
        # Looked at again, now under the lock: a volume may have asked for it.
        if not self._is_idle(key):
            return
        try:
            self._targets.delete(key)
        except exceptions.NotFound:
            LOG.debug("the image %s has no target any more", key)
        except exceptions.ClientError as error:
            LOG.info("the idle image %s stays: %s", key, error)
            return
        self.file(key).unlink(missing_ok=True)
        self._stamp(key).unlink(missing_ok=True)
        LOG.info("the image %s was idle and is removed", key)

    def _keys(self) -> list[str]:
        files = sorted(self._folder.glob("*.raw"))
        return [file.stem for file in files if volume_record.parts(file.stem)]

    def _is_idle(self, key: str) -> bool:
        """Tell whether an image was last asked for long ago.

        The stamp file says so, not the RAW file's own times: by these the
        agent tells whether the content has changed.
        """
        stamp, file = self._stamp(key), self.file(key)
        last = stamp if stamp.exists() else file
        return bool(self._idle) and (
            time.time() - last.stat().st_mtime >= self._idle
        )

    def _stamp(self, key: str) -> Path:
        return self._folder / f"{key}.used"
