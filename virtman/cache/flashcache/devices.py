# SPDX-License-Identifier: Apache-2.0
"""Makes and removes the three devices of a flashcache group, all at once.

::

    cache_fcg        flashcache, made by the program flashcache_create
    ssd_fcg | fcg    the SSDs, one after the other | the disks, likewise

They are named after the option fcg_name, and all carry the agent's UUID.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

from virtman import names, privsep, sysfs
from virtman.cache.flashcache.spans import ALIGN, Spans, concatenation
from virtman.conf.flashcache import FlashcacheSettings
from virtman.drivers import dmsetup
from virtman.exception import (
    CommandError,
    InUse,
    LayerError,
    RollbackError,
    VirtmanError,
)
from virtman.names import Role

LOG = logging.getLogger(__name__)

# From the top: the cache stands on the other two.
TOP_DOWN = (Role.CACHE, Role.SSD, Role.GROUP)
_SECTORS_PER_MIB = 2048


@contextlib.contextmanager
def taking_back(undo: Callable[[], object]) -> Iterator[None]:
    """Run ``undo`` when the block of the ``with`` statement fails.

    :raises RollbackError: ``undo`` failed too; both errors are in it.
    """
    try:
        yield
    except VirtmanError as cause:
        try:
            undo()
        except VirtmanError as failed:
            raise RollbackError(cause, failed) from cause
        raise


class Devices:
    """The devices of the group that the options describe."""

    def __init__(self, settings: FlashcacheSettings) -> None:
        self._settings = settings
        self.cache, self.ssd, self.group = (
            names.dm_path(role, settings.fcg_name) for role in TOP_DOWN
        )

    def find(self, role: Role) -> dmsetup.Device | None:
        """Return one of the three devices, None if it does not stand."""
        if role is Role.CACHE:
            # An agent that was killed after flashcache_create may have left
            # the device without its mark.
            dmsetup.claim(role, self._settings.fcg_name)
        return dmsetup.find(role, self._settings.fcg_name)

    def standing(self) -> list[dmsetup.Device]:
        """Return those of the three devices that stand, the top one first."""
        devices = (self.find(role) for role in TOP_DOWN)
        return [device for device in devices if device]

    def create(self) -> None:
        """Make all three devices, or none.

        :raises InUse: another program holds an SSD.
        """
        name, ssd_table = self._settings.fcg_name, self.ssd_table()
        with taking_back(self.remove):
            dmsetup.create(Role.GROUP, name, str(Spans()))
            dmsetup.create(Role.SSD, name, ssd_table)
            self._create_cache()
        LOG.info("the cache group %s stands", name)

    def remove(self) -> None:
        """Remove the devices that stand, and the blocks on the SSDs.

        :raises InUse: a device is held open; those under it stay.
        """
        name = self._settings.fcg_name
        if self.find(Role.CACHE):
            dmsetup.remove(Role.CACHE, name)
        if self.find(Role.SSD):
            self._forget_blocks()
            dmsetup.remove(Role.SSD, name)
        dmsetup.remove(Role.GROUP, name)

    def ssd_table(self) -> str:
        """Return the table over the SSDs that the options name.

        :raises LayerError: an SSD is no block device, or is named twice.
        :raises InUse: another program holds an SSD.
        """
        ssds: dict[str | None, tuple[str, int]] = {}
        for path in self._settings.fcg_ssds:
            number, sectors = sysfs.number(path), sysfs.sectors(path)
            if sectors < ALIGN:
                raise LayerError(
                    f"fcg_ssds: {path} is no block device with a size on this "
                    "node; attach it or name another"
                )
            if number in ssds:
                raise LayerError(
                    f"fcg_ssds: {path} and {ssds[number][0]} are the same "
                    "device; name it once"
                )
            if reason := privsep.claimable(path):
                raise InUse(f"fcg_ssds: {path} is in use: {reason}")
            ssds[number] = (path, sectors)
        return concatenation(list(ssds.values()))

    def _create_cache(self) -> None:
        """Have flashcache_create put the cache over the SSDs and the group.

        The tool writes the table: its form differs between releases of the
        module.  The blocks of an earlier group on the SSDs are destroyed
        without force.  If some were never written back, another program made
        them, and flashcache_create refuses.
        """
        name = names.dm_name(Role.CACHE, self._settings.fcg_name)
        pattern = self._settings.fcg_pattern.replace("through", "thru")
        size = f"{sysfs.sectors(self.ssd) // _SECTORS_PER_MIB}M"
        self._forget_blocks()
        privsep.flashcache_create(
            "-p", pattern, "-b", self._settings.fcg_blocksize, "-s", size,
            name, self.ssd, self.group,
        )  # fmt: skip
        if self.find(Role.CACHE) is None:
            raise LayerError(
                f"flashcache_create ended well, but {self.cache} is not "
                "there; the kernel's log may tell why"
            )

    def _forget_blocks(self) -> None:
        # It fails where the SSDs hold no cache, which is the usual case.
        with contextlib.suppress(CommandError):
            privsep.flashcache_destroy(self.ssd)
