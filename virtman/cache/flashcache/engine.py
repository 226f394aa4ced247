# SPDX-License-Identifier: Apache-2.0
"""The original's engine: one flashcache over all images of the node.

For hosts that load the module flashcache.  All disks share one cache on the
node's SSDs (:mod:`virtman.cache.flashcache.group`); ``cached_<image>`` is a
read-only part of it::

    0 <S> linear /dev/mapper/cache_fcg <start>
"""

from __future__ import annotations

import logging
import threading

from virtman import names, sysfs
from virtman.cache.engine import CacheEngine, Requirement
from virtman.cache.flashcache.devices import taking_back
from virtman.cache.flashcache.group import Group
from virtman.conf import Settings
from virtman.drivers import dmsetup
from virtman.exception import ConfigError, InvalidRequest, LayerError
from virtman.names import Role
from virtman.stack import ABSENT, State, Status

LOG = logging.getLogger(__name__)

_PACKAGE = (
    "that you build from flashcache's sources (Debian has none; they compile "
    "on kernels up to about 4.12)"
)


class FlashcacheEngine(CacheEngine):
    """All images in one group, the group's table changed under its readers."""

    programs = (
        Requirement("flashcache_create", _PACKAGE),
        Requirement("flashcache_destroy", _PACKAGE),
    )
    modules = (Requirement("flashcache", _PACKAGE),)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        try:
            names.check_key("cache group", settings.fcg_name)
        except InvalidRequest as error:
            raise ConfigError(f"fcg_name: {error}") from error
        self._group = Group(settings)
        # All images share one table: two changes at once would lose one.
        self._changing = threading.Lock()

    def require_space(self, image: str, sectors: int) -> None:
        """Raise unless the group has sectors left and its SSDs can be used.

        SSDs that are smaller than the images are no failure: flashcache then
        drops blocks and reads them from the source again.
        """
        # Under the lock: a group that is being made holds the SSDs before it
        # stands, and they would look used by another program.
        with self._changing:
            self._require_space(image, sectors)

    def status(self, image: str, sectors: int) -> Status:
        """Return ACTIVE if the device shows a disk of that size in the group.

        :param sectors: size of the image in sectors of 512 bytes.
        """
        device = dmsetup.find(Role.CACHED, image)
        if device is None:
            return ABSENT
        disk = self._group.shown_by(device)
        if disk is None or disk.length != sectors:
            reason = (
                f"does not show a disk of {sectors} sectors in the cache group"
            )
            return Status(State.MISMATCH, device.path, reason)
        return Status(State.ACTIVE, device.path)

    def activate(self, image: str, source: str, sectors: int) -> str:
        """Put ``source`` into the group and show it as ``cached_<image>``."""
        _require_size(source, sectors)
        with self._changing:
            self._require_space(image, sectors)
            self._group.ensure()
            with taking_back(self._group.sweep):
                start = self._group.attach(source, sectors)
                table = f"0 {sectors} linear {self._group.device} {start}"
                return dmsetup.create(Role.CACHED, image, table, readonly=True)

    def deactivate(self, image: str) -> bool:
        """Remove ``cached_<image>``, then its disk from the group."""
        with self._changing:
            removed = dmsetup.remove(Role.CACHED, image)
            return self._group.sweep() or removed

    def _require_space(self, image: str, sectors: int) -> None:
        spans = self._group.spans()
        spans.attach(image, sectors)
        held = sum(span.length for span in spans.members)
        capacity = self._group.capacity()
        if held + sectors > capacity:
            LOG.warning(
                "%s makes %d MiB of images on SSDs of %d MiB: not every block "
                "that was read will be kept",
                image, (held + sectors) >> 11, capacity >> 11,
            )  # fmt: skip


def _require_size(source: str, sectors: int) -> None:
    """Raise unless a device has the size of the image."""
    size = sysfs.sectors(source)
    if size != sectors:
        raise LayerError(
            f"{source} has {size} sectors, the image has {sectors}; see that "
            "the device stands and is the image's"
        )
