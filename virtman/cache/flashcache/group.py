# SPDX-License-Identifier: Apache-2.0
"""Adds disks to a flashcache group and removes them, under live readers.

The disks of the group are read from the live table of ``fcg`` each time and
nothing is remembered, so an agent that restarts goes on where the last one
ended.  A group is made with its first disk and removed with its last, since
its blocks are of no use then (:mod:`virtman.cache.flashcache.spans`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from virtman import names, sysfs
from virtman.cache.flashcache.devices import TOP_DOWN, Devices
from virtman.cache.flashcache.spans import Span, Spans, parse
from virtman.conf.flashcache import FlashcacheSettings
from virtman.drivers import dmsetup
from virtman.exception import (
    CommandError,
    LayerError,
    LayerMismatch,
    VirtmanError,
)
from virtman.names import Role

LOG = logging.getLogger(__name__)


class Group:
    """The group named by ``fcg_name``; the caller of a change holds a lock."""

    def __init__(self, settings: FlashcacheSettings) -> None:
        self._devices = Devices(settings)

    @property
    def device(self) -> str:
        """The path of the cache device, of which each image is a part."""
        return self._devices.cache

    def spans(self) -> Spans:
        """Return the spans of the live table, none if no group stands."""
        group = self._devices.find(Role.GROUP)
        if group is None:
            return Spans()
        return parse(dmsetup.table(group))

    def capacity(self) -> int:
        """Return how many sectors the SSDs have, with or without a group."""
        if self._devices.find(Role.SSD):
            return sysfs.sectors(self._devices.ssd)
        return dmsetup.sectors_of(self._devices.ssd_table())

    def ensure(self) -> None:
        """Adopt the whole group if it stands, else make it.

        :raises LayerMismatch: the group has disks and one of its devices is
            missing, or a device without the agent's mark has its name.
        """
        standing = self._awake()
        if len(standing) == len(TOP_DOWN):
            return
        if standing:
            self._refuse_broken(standing)
            # No disks in it: an agent was killed while it made or removed it.
            self._devices.remove()
        self._devices.create()

    def attach(self, disk: str, sectors: int) -> int:
        """Put a disk into the group and return its first sector there.

        Disks that no ``cached_<image>`` shows leave with the same change of
        the table: a killed agent left them.

        :param sectors: size of the disk in sectors of 512 bytes.
        """
        spans = self.spans()
        kept = spans.retire(self._orphans(spans))
        wanted, start = kept.attach(disk, sectors)
        self._load(wanted)
        return start

    def sweep(self) -> bool:
        """Retire orphaned disks, and remove a group that has no other disks.

        A broken group is left alone; :meth:`ensure` names the remedy.

        :returns: whether a disk was retired.
        """
        standing, spans = self._awake(), self.spans()
        if spans.members and len(standing) < len(TOP_DOWN):
            return False
        orphans = self._orphans(spans)
        if orphans:
            self._load(spans.retire(orphans))
        if standing and len(orphans) == len(spans.members):
            self._remove_empty()
        return bool(orphans)

    def shown_by(self, part: dmsetup.Device) -> Span | None:
        """Return the disk that a ``cached_<image>`` shows, None if none."""
        starts = self._starts([part])
        disks = (span for span in self.spans().members if span.start in starts)
        return next(disks, None)

    def _awake(self) -> list[dmsetup.Device]:
        """Resume the devices that stand, and return them.

        Reads of a suspended device would wait.  A table that a killed agent
        has loaded comes into force with the resume.
        """
        standing = self._devices.standing()
        for device in standing:
            dmsetup.resume(device)
        return standing

    def _refuse_broken(self, standing: Sequence[dmsetup.Device]) -> None:
        """Raise if the group has disks; a killed agent leaves none in it."""
        if not self.spans().members:
            return
        stand = " ".join(names.dm_name(d.role, d.key) for d in standing)
        raise LayerMismatch(
            f"the cache group is broken: only {stand} of its devices stand, "
            "with disks in them, and they are left untouched; see that "
            f"nothing uses them ('dmsetup ls --tree'), run 'dmsetup remove "
            f"{stand}' and try again"
        )

    def _orphans(self, spans: Spans) -> set[int]:
        starts = self._starts(dmsetup.ours(Role.CACHED))
        return {span.start for span in spans.members} - starts

    def _starts(self, parts: Sequence[dmsetup.Device]) -> set[int]:
        """Return the sectors of the group at which these devices start.

        Each has one line, ``0 <S> linear <number of cache_fcg> <start>``.
        """
        whole = sysfs.number(self.device)
        tables = (dmsetup.table(part).split() for part in parts)
        return {int(words[4]) for words in tables if words[3:4] == [whole]}

    def _load(self, spans: Spans) -> None:
        group = self._devices.find(Role.GROUP)
        if group is None:
            raise LayerMismatch(
                f"the cache group {self._devices.group} is missing: another "
                "program has removed it"
            )
        try:
            dmsetup.swap_table(group, str(spans), readonly=False)
        except CommandError as error:
            # Without an exit code the command took too long: a suspend waits
            # for the reads on their way, and these for a source.
            if error.code is not None:
                raise
            raise LayerError(
                "the cache group cannot be changed while reads of its images "
                "wait for a source; 'dmsetup status' shows the paths that "
                f"have failed ({error})"
            ) from error

    def _remove_empty(self) -> None:
        """Remove the empty group; one that cannot be removed is used again."""
        try:
            self._devices.remove()
        except VirtmanError as error:
            LOG.warning("the empty cache group is kept: %s", error)
