# SPDX-License-Identifier: Apache-2.0
"""The capacity of a backend: for images, and for server stores.

Images are in ``virtman_image_dir``: a file for each image and size, shared by
all volumes of it.  Server stores are in the ``store_dir`` of the image
server's agent, which need not be on this host, so the agent is asked.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from virtmanclient.exceptions import ClientError
from virtmanclient.stores import Room, Stores

LOG = logging.getLogger(__name__)
_NONE = Room(0, 0, 0)


class Rooms:
    """The capacity of the image folder and of the folder of server stores.

    :param folder: of images
    """

    def __init__(self, folder: Path, stores: Stores) -> None:
        self._folder = folder
        self._stores = stores
        self._agent_answered = True

    def smaller(self, reserved: float) -> Room:
        """Return the capacity of the folder that is full first.

        The figures are all of one folder: Cinder holds what is provisioned
        against the total.  Folders of the same total are taken for one file
        system, as a server with one large disk has them.  Were they two, too
        much would count as provisioned, and not too little.

        :param reserved: per cent of a folder's total that stay free
        """
        images, stores = _of_images(self._folder), self._of_stores()
        if stores is None:
            return images
        if images.total == stores.total:
            both = images.provisioned + stores.provisioned
            return Room(images.total, min(images.free, stores.free), both)
        return min(
            (images, stores),
            key=lambda room: room.free - room.total * reserved / 100,
        )

    def _of_stores(self) -> Room | None:
        """Ask the agent for the room for stores; log only its first failure.

        The statistics are asked for each minute, and the log is read.
        """
        try:
            room = self._stores.room()
        except ClientError as error:
            if self._agent_answered:
                LOG.warning(
                    "the scheduler is told of the room for images alone, for "
                    "the image server's agent cannot be asked: %s",
                    error,
                )
            self._agent_answered = False
            return None
        self._agent_answered = True
        return room


def _of_images(folder: Path) -> Room:
    try:
        disk = shutil.disk_usage(folder)
        files = [file.stat().st_size for file in folder.glob("*.raw")]
    except OSError:
        return _NONE
    return Room(disk.total, disk.free, sum(files))
