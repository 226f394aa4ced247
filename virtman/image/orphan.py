# SPDX-License-Identifier: Apache-2.0
"""What stands of an image without an agent that knows of it.

Found by names alone, so that it can be taken away also when nothing else is
known: the layers from the top, then the sessions.
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
from virtman.state.intents import ImageIntent, TargetIntent

LOG = logging.getLogger(__name__)


class OrphanedStack:
    """The parts of one image's stack that an agent before this one left."""

    def __init__(self, image: str, services: Services) -> None:
        self._image = image
        self._services = services
        # Of no size: nothing is built with them.
        self._multipath = Multipath(image, 0)

    @property
    def children(self) -> list[str]:
        """The initiators that are logged in to this node's target."""
        served = self._served()
        return served.initiators if served else []

    @property
    def sessions(self) -> list[Path]:
        """The sessions that stand, those that are read from first."""
        used = self._multipath.disks
        rank = {number: place for place, number in enumerate(used)}
        found = [
            path
            for iqn in sorted(self._iqns())
            for path in self._services.sessions.standing(iqn)
        ]
        return sorted(
            found,
            key=lambda path: rank.get(
                sysfs.number(path.device) or "", len(rank)
            ),
        )

    def describe(self) -> ImageIntent | None:
        """Return the intent of a stack that stands without one.

        None if the kernel does not tell what the content is.
        """
        paths = [path for path in self.sessions if path.device]
        size = sysfs.sectors(names.dm_path(Role.ORIGIN, self._image))
        serial = disk.serial(paths[0].device) if paths else ""
        if not size or not serial:
            return None
        sources = tuple(path.source for path in paths)
        return ImageIntent(self._image, sources, ImageFacts(size, "", serial))

    def clear(self) -> None:
        """Take all of it away, from the top; the intent goes last.

        :raises InUse: a child is logged in, or a snapshot stands on it.
        """
        layers: list[Layer] = [
            self._multipath,
            Cache(self._services.engine, self._image, 0),
            Origin(self._image, 0),
        ]
        served = self._served()
        if served is not None:
            layers.append(Export(self._image, served.iqn, ""))
        Stack(layers).deactivate()
        for path in self.sessions:
            self._services.sessions.disconnect(path)
        self._services.intents.remove(ImageIntent(self._image, ()))
        LOG.info("what was left of %s is gone", self._image)

    def _served(self) -> iscsi.Target | None:
        """Return the target over this image's cache, be it half made."""
        cached = names.dm_path(Role.CACHED, self._image)
        mine = self._iqns()
        other = self._services.intents.get(TargetIntent, self._image)
        for target in iscsi.targets():
            if target.iqn in mine and target.device == cached:
                return target
            if target.iqn in mine and not other and target.half_made(cached):
                return target
        return None

    def _iqns(self) -> set[str]:
        """Return the iSCSI names that this image has here."""
        known = self._services.intents.get(ImageIntent, self._image)
        found = {source.iqn for source in known.connections} if known else ()
        return {names.iqn(self._image), *found}
