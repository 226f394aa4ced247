# SPDX-License-Identifier: Apache-2.0
"""The three devices of a flashcache group, on this kernel.

::

    cached_<image>   linear, a part of cache_fcg
    cache_fcg        flashcache, made by flashcache_create
    ssd_fcg | fcg    the SSDs, one after the other | the disks, likewise

What is in the group is read from the live table of ``fcg`` each time; nothing
is remembered, so an agent that restarts goes on where the last one ended.  A
group comes with its first disk and goes with its last: its cached blocks are
of no use to anybody then (:mod:`virtman.cache.flashcache_spans`).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

from virtman import names, privsep, sysfs
from virtman.cache import flashcache_spans
from virtman.cache.flashcache_spans import Span, Spans
from virtman.conf import Settings
from virtman.drivers import dmsetup
from virtman.exception import (
    CommandError,
    InUse,
    LayerError,
    LayerMismatch,
    RollbackError,
    VirtmanError,
)
from virtman.names import Role

LOG = logging.getLogger(__name__)

_TOP_DOWN = (Role.CACHE, Role.SSD, Role.GROUP)
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


class Group:
    """The group named by ``fcg_name``; its user keeps calls apart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = settings.fcg_name

    @property
    def device(self) -> str:
        """The path of the cached whole, of which images are parts."""
        return names.dm_path(Role.CACHE, self._name)

    def spans(self) -> Spans:
        """Return what the live table says; nothing if there is no group."""
        device = dmsetup.find(Role.GROUP, self._name)
        if device is None:
            return Spans()
        return flashcache_spans.parse(dmsetup.table(device))

    def capacity(self) -> int:
        """Return how many sectors the SSDs have, standing or to be used."""
        standing = dmsetup.find(Role.SSD, self._name)
        if standing:
            return sysfs.sectors(standing.path)
        return sum(sectors for _, sectors in self._ssds())

    def ensure(self) -> None:
        """Have the group stand: adopt all of it, or make all of it.

        :raises LayerMismatch: parts of it are missing under its disks, or a
            device of one of its names is not ours.
        """
        standing = self._standing()
        if len(standing) == len(_TOP_DOWN):
            dmsetup.resume(standing[-1])
            return
        self._refuse_broken(standing)
        self._remove()
        with taking_back(self._remove):
            self._create()

    def attach(self, disk: str, sectors: int) -> int:
        """Put a disk into the group, under its readers; return its start.

        Disks that no ``cached_<image>`` stands on any more leave with the
        same change of the table: a killed agent left them.

        :param sectors: size of the disk in sectors of 512 bytes.
        """
        spans = self.spans()
        wanted, start = spans.retire(self._orphans(spans)).attach(
            disk, sectors
        )
        self._load(wanted)
        return start

    def sweep(self) -> bool:
        """Let go of disks that nobody stands on, and of an empty group.

        :returns: whether a disk was let go.
        """
        standing = self._standing()
        spans = self.spans()
        if spans.members and len(standing) < len(_TOP_DOWN):
            return False  # broken; ensure() tells what to do
        orphans = self._orphans(spans)
        if orphans:
            self._load(spans.retire(orphans))
        if standing and len(orphans) == len(spans.members):
            self._remove_empty()
        return bool(orphans)

    def member(self, part: dmsetup.Device) -> Span | None:
        """Return the disk that a ``cached_<image>`` shows, None if none."""
        starts = self._starts([part])
        found = (span for span in self.spans().members if span.start in starts)
        return next(found, None)

    def _standing(self) -> list[dmsetup.Device]:
        """Return those of the three that exist, the uppermost first."""
        dmsetup.claim(Role.CACHE, self._name)
        found = (dmsetup.find(role, self._name) for role in _TOP_DOWN)
        return [device for device in found if device]

    def _refuse_broken(self, standing: list[dmsetup.Device]) -> None:
        """Raise unless what stands is what a killed agent may leave."""
        if self.spans().members or Role.CACHE in [d.role for d in standing]:
            stand = [names.dm_name(d.role, d.key) for d in standing]
            raise LayerMismatch(
                "the cache group is broken: of its three devices only "
                f"{' and '.join(stand)} stand, and disks are in it. It is "
                "not touched; destroy the instances on this node, then run "
                f"'dmsetup remove {' '.join(stand)}' and try again"
            )

    def _create(self) -> None:
        dmsetup.create(Role.GROUP, self._name, str(Spans()))
        table = flashcache_spans.concatenation(self._ssds())
        dmsetup.create(Role.SSD, self._name, table)
        self._create_cache()
        LOG.info("the cache group %s stands", self._name)

    def _create_cache(self) -> None:
        """Have the tool put its target over the two.

        The table is left to the tool, since its form differs from release to
        release of the module.  What an earlier group left on the SSDs is
        destroyed without force: if blocks in it were never written back, they
        are not ours, and flashcache_create then refuses.
        """
        ssd = names.dm_path(Role.SSD, self._name)
        group = names.dm_path(Role.GROUP, self._name)
        pattern = self._settings.fcg_pattern.replace("through", "thru")
        size = sysfs.sectors(ssd) // _SECTORS_PER_MIB
        self._forget_blocks(ssd)
        privsep.flashcache_create(
            "-p", pattern, "-b", self._settings.fcg_blocksize,
            "-s", f"{size}M", names.dm_name(Role.CACHE, self._name),
            ssd, group,
        )  # fmt: skip
        if not dmsetup.claim(Role.CACHE, self._name):
            raise LayerError(
                f"flashcache_create has ended well, but {self.device} over "
                f"{ssd} and {group} is not there; see the kernel's log"
            )

    def _ssds(self) -> list[tuple[str, int]]:
        """Return device and sectors of each SSD that the options name."""
        ssds = []
        for path in self._settings.fcg_ssds:
            sectors = sysfs.sectors(path)
            if sectors < flashcache_spans.ALIGN:
                raise LayerError(
                    f"fcg_ssds: {path} is no block device with a size on this "
                    "node; attach it or name others"
                )
            reason = privsep.claimable(path)
            if reason:
                raise InUse(f"fcg_ssds: {path} is in use: {reason}")
            ssds.append((path, sectors))
        return ssds

    def _orphans(self, spans: Spans) -> set[int]:
        """Return where the disks start that no ``cached_<image>`` shows."""
        shown = self._starts(dmsetup.ours(Role.CACHED))
        return {span.start for span in spans.members} - shown

    def _starts(self, parts: list[dmsetup.Device]) -> set[int]:
        """Return where in the group these devices begin: one line each,
        ``0 <S> linear <major:minor of cache_fcg> <start>``.
        """
        whole = sysfs.number(self.device)
        tables = (dmsetup.table(part).split() for part in parts)
        return {int(words[4]) for words in tables if words[3:4] == [whole]}

    def _load(self, spans: Spans) -> None:
        group = dmsetup.find(Role.GROUP, self._name)
        if group is None:
            raise LayerMismatch(f"the cache group {self._name} is gone")
        dmsetup.swap_table(group, str(spans), readonly=False)

    def _remove_empty(self) -> None:
        """Take the group away; one that stays is used again."""
        try:
            self._remove()
        except VirtmanError as error:
            LOG.warning("the empty cache group is kept: %s", error)

    def _remove(self) -> None:
        """Remove what there is, from the top, blocks on the SSDs included."""
        dmsetup.remove(Role.CACHE, self._name)
        ssd = dmsetup.find(Role.SSD, self._name)
        if ssd:
            self._forget_blocks(ssd.path)
        dmsetup.remove(Role.SSD, self._name)
        dmsetup.remove(Role.GROUP, self._name)

    def _forget_blocks(self, ssd: str) -> None:
        with contextlib.suppress(CommandError):  # none there: the usual case
            privsep.flashcache_destroy(ssd)
