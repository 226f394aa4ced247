# SPDX-License-Identifier: Apache-2.0
"""The stack of an image that an earlier agent left on this host.

Its parts are found by their names alone, so that they can be removed when
nothing else is known: the layers from the top, then the sessions.
"""

from __future__ import annotations

import logging

from virtman import names, sysfs
from virtman.drivers import disk, iscsi
from virtman.image.layers.cache import Cache
from virtman.image.layers.export import Export
from virtman.image.layers.multipath import Multipath
from virtman.image.layers.origin import Origin
from virtman.image.services import Services
from virtman.model import ImageFacts
from virtman.names import Role
from virtman.path import Path
from virtman.stack import Layer, Stack
from virtman.state.intent import ImageIntent, TargetIntent

LOG = logging.getLogger(__name__)


class OrphanedStack:
    """The parts of one image's stack that an earlier agent left."""

    def __init__(self, image: str, services: Services) -> None:
        self._image = image
        self._services = services
        # The size is 0 here and in clear(): these layers are not built, only
        # found and removed.
        self._multipath = Multipath(image, 0)

    @property
    def children(self) -> list[str]:
        """The initiators that are logged in to this node's target."""
        target = self._served()
        return target.initiators if target else []

    @property
    def sessions(self) -> list[Path]:
        """The standing sessions, in the order in which they are read from."""
        disks = self._multipath.disks
        rank = {number: index for index, number in enumerate(disks)}
        paths = [
            path
            for iqn in sorted(self._iqns())
            for path in self._services.sessions.standing(iqn)
        ]
        return sorted(
            paths,
            key=lambda path: rank.get(
                sysfs.number(path.device) or "", len(rank)
            ),
        )

    def describe(self) -> ImageIntent | None:
        """Return the intent of a stack that stands without one.

        None if the kernel does not tell the image's size and serial number.
        """
        paths = [path for path in self.sessions if path.device]
        size = sysfs.sectors(names.dm_path(Role.ORIGIN, self._image))
        serial = disk.serial(paths[0].device) if paths else ""
        if not size or not serial:
            return None
        sources = tuple(path.source for path in paths)
        return ImageIntent(self._image, sources, ImageFacts(size, "", serial))

    def clear(self) -> None:
        """Remove the stack from the top, then the sessions and the intent.

        :raises InUse: a child is logged in, or a snapshot stands on it.
        """
        layers: list[Layer] = [
            self._multipath,
            Cache(self._services.engine, self._image, 0),
            Origin(self._image, 0),
        ]
        target = self._served()
        if target is not None:
            layers.append(Export(self._image, target.iqn, ""))
        Stack(layers).deactivate()
        for path in self.sessions:
            self._services.sessions.disconnect(path)
        self._services.intents.remove(ImageIntent(self._image, ()))
        LOG.info("the orphaned stack of %s is removed", self._image)

    def _served(self) -> iscsi.Target | None:
        """Return the export of this image's cache, be it half made."""
        cached = names.dm_path(Role.CACHED, self._image)
        iqns = self._iqns()
        # A half made target without a disk may be the image target instead,
        # which has the same name.
        served_from_file = self._services.intents.get(
            TargetIntent, self._image
        )
        for target in iscsi.targets():
            if target.iqn not in iqns:
                continue
            if target.device == cached:
                return target
            if not served_from_file and target.half_made(cached):
                return target
        return None

    def _iqns(self) -> set[str]:
        """Return the iSCSI names that the image's targets have."""
        intent = self._services.intents.get(ImageIntent, self._image)
        sources = intent.connections if intent else ()
        return {names.iqn(self._image), *(source.iqn for source in sources)}
