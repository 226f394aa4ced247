# SPDX-License-Identifier: Apache-2.0
"""The three devices of a flashcache group: made and removed together.

::

    cache_fcg        flashcache, made by the program flashcache_create
    ssd_fcg | fcg    the SSDs, one after the other | the disks, likewise

They are named after the option fcg_name, and all carry our UUID.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

from virtman import names, privsep, sysfs
from virtman.cache.flashcache.spans import ALIGN, Spans, concatenation
from virtman.conf import Settings
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

TOP_DOWN = (Role.CACHE, Role.SSD, Role.GROUP)
_SECTORS_PER_MIB = 2048


@contextlib.contextmanager
def taking_back(undo: Callable[[], object]) -> Iterator[None]:
    """Run ``undo`` when the block fails.

    :raises RollbackError: that failed too; both errors are in it.
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

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.cache, self.ssd, self.group = (
            names.dm_path(role, settings.fcg_name) for role in TOP_DOWN
        )

    def find(self, role: Role) -> dmsetup.Device | None:
        """Return one of the three, None if it does not stand."""
        if role is Role.CACHE:
            # Unmarked when the agent was killed before it could do so.
            dmsetup.claim(role, self._settings.fcg_name)
        return dmsetup.find(role, self._settings.fcg_name)

    def standing(self) -> list[dmsetup.Device]:
        """Return those of the three that stand, the uppermost first."""
        found = (self.find(role) for role in TOP_DOWN)
        return [device for device in found if device]

    def create(self) -> None:
        """Make all three, or none.

        :raises InUse: somebody else holds an SSD.
        """
        name, ssd_table = self._settings.fcg_name, self.ssd_table()
        with taking_back(self.remove):
            dmsetup.create(Role.GROUP, name, str(Spans()))
            dmsetup.create(Role.SSD, name, ssd_table)
            self._create_cache()
        LOG.info("the cache group %s stands", name)

    def remove(self) -> None:
        """Remove those that stand, and the blocks on the SSDs.

        :raises InUse: somebody holds one; what is under it stays.
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

        :raises LayerError: it is no block device, or named twice.
        :raises InUse: somebody holds it.
        """
        found: dict[str | None, tuple[str, int]] = {}
        for path in self._settings.fcg_ssds:
            number, sectors = sysfs.number(path), sysfs.sectors(path)
            if sectors < ALIGN:
                raise LayerError(
                    f"fcg_ssds: {path} is no block device with a size on this "
                    "node; attach it or name another"
                )
            if number in found:
                raise LayerError(
                    f"fcg_ssds: {path} and {found[number][0]} are the same "
                    "device; name it once"
                )
            if reason := privsep.claimable(path):
                raise InUse(f"fcg_ssds: {path} is in use: {reason}")
            found[number] = (path, sectors)
        return concatenation(list(found.values()))

    def _create_cache(self) -> None:
        """Have the tool put its target over the two.

        The table is left to it: the form differs between releases of the
        module.  What an earlier group left on the SSDs is destroyed without
        force; if it holds blocks that were never written back it is none of
        ours, and flashcache_create refuses.
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
        with contextlib.suppress(CommandError):  # none there: the usual case
            privsep.flashcache_destroy(self.ssd)
