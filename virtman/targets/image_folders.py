# SPDX-License-Identifier: Apache-2.0
"""The folders that image files may be served from.

Any caller at the door may name a path, and the agent is root: a path is
checked as it is without links and dots.
"""

from __future__ import annotations

import errno
from pathlib import Path

from virtman.conf import Settings
from virtman.exception import InvalidRequest
from virtman.state import files


class ImageFolders:
    """Tells whether a file may be served."""

    def __init__(self, settings: Settings) -> None:
        self._folders = settings.image_dirs
        # The agent's own files may lie below a folder of images: they hold
        # what VMs have written.
        self._kept = (
            settings.cache_dir,
            settings.snapshot_dir,
            settings.store_dir,
            settings.run_dir,
            files.intents_folder(settings.state_dir),
            files.digests_folder(settings.state_dir),
        )

    def require(self, file: Path) -> Path:
        """Return a file's path without links if it may be served.

        The answer for a missing file is the same: a caller does not learn
        which files exist elsewhere.

        :raises InvalidRequest: it lies in no folder of images.
        """
        try:
            real = _without_links(file)
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidRequest(
                f"image file_path = {str(file)!r} cannot be used: {error}"
            ) from None
        if not self._has(real):
            folders = ", ".join(map(str, self._folders)) or "none"
            raise InvalidRequest(
                f"image file_path = {file} is in no folder that images are "
                f"served from ({folders}); put it into one, or add its folder "
                "to image_dirs"
            )
        return real

    def _has(self, real: Path) -> bool:
        """Tell whether the innermost known folder of a path has images."""
        images = {folder.resolve() for folder in self._folders}
        around = [
            folder
            for folder in (*images.difference(self._kept), *self._kept)
            if real.is_relative_to(folder)
        ]
        inner = max(around, key=lambda path: len(path.parts), default=None)
        return inner in images and inner not in self._kept


def _without_links(file: Path) -> Path:
    """Return a path without links and dots; missing parts stay in it.

    Only a strict look finds a circle of links on every Python: since 3.13
    the other one returns a path that is still a link.

    :raises OSError, RuntimeError: links lead in a circle.
    """
    try:
        return file.resolve(strict=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
        return file.resolve()
