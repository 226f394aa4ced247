# SPDX-License-Identifier: Apache-2.0
"""The room that a backend has: for images, and for what VMs write.

Images are in ``virtman_image_dir``: a file for each image and size, shared by
all volumes of it.  What VMs write is in the ``store_dir`` of the image
server's agent, which need not be on this host, so the agent is asked.
"""

import logging
import shutil
from pathlib import Path

from virtmanclient.exceptions import ClientError
from virtmanclient.stores import Room, Stores

LOG = logging.getLogger(__name__)
_NONE = Room(0, 0, 0)


class Rooms:
    """Looks at both places.

    :param folder: of images
    """

    def __init__(self, folder: Path, stores: Stores) -> None:
        self._folder = folder
        self._stores = stores
        self._told = True

    def smaller(self, reserved: float) -> Room:
        """Return the place of the two that is full first.

        The figures are all of one place: Cinder holds what is provisioned
        against the total.  Places of the same size are taken for one, as a
        server with one large file system has them; were they two, too much
        would count as provisioned, and not too little.

        :param reserved: per cent of a place that stay free
        """
        images, stores = _of_images(self._folder), self._of_stores()
        if stores is None:
            return images
        if images.total == stores.total:
            both = images.provisioned + stores.provisioned
            return Room(images.total, min(images.free, stores.free), both)
        return min(
            (images, stores),
            key=lambda one: one.free - one.total * reserved / 100,
        )

    def _of_stores(self) -> Room | None:
        """Ask the agent; log once that it does not tell, until it does."""
        try:
            found = self._stores.room()
        except ClientError as error:
            if self._told:
                LOG.warning(
                    "the scheduler is told of the room for images alone: %s",
                    error,
                )
            self._told = False
            return None
        self._told = True
        return found


def _of_images(folder: Path) -> Room:
    try:
        disk = shutil.disk_usage(folder)
        files = [file.stat().st_size for file in folder.glob("*.raw")]
    except OSError:
        return _NONE
    return Room(disk.total, disk.free, sum(files))
