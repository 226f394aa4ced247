# SPDX-License-Identifier: Apache-2.0
"""Keeps the hydration map, by which the kernel itself reads cached regions.

``cached_<image>`` is a dm-switch with two paths: 0 the engine over NBD, 1 a
loop device on the engine's data file.  Every region of 64 KiB starts on path
0; once the engine reports it written, its region is flipped to path 1, and
reads of it never leave the kernel again.

Message format (``Documentation/admin-guide/device-mapper/switch.rst``)::

    set_region_mappings <index>:<path> R<n>,<m> ...

``R1,m`` repeats the last mapping for the next m regions; all numbers are
hexadecimal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from virtman import sysfs
from virtman.drivers.nbd import Extent

REGION_SECTORS = 128
REGION = REGION_SECTORS * sysfs.SECTOR
ENGINE, LOCAL = 0, 1
# An ioctl carries a message whole; 200 runs are at most 5 KiB of it.
_RUNS_A_MESSAGE = 200

Run = tuple[int, int]


def regions(sectors: int) -> int:
    """Return how many regions a device has, the last perhaps shorter."""
    return -(-sectors // REGION_SECTORS)


def table(sectors: int, engine: str, local: str) -> str:
    """Return the dm-switch table over the engine and the local file."""
    return f"0 {sectors} switch 2 {REGION_SECTORS} 0 {engine} 0 {local} 0"


def all_on_engine(sectors: int) -> str:
    """Return the message that maps every region to the engine.

    A new dm-switch spreads its regions round robin over its paths; it
    must not be read before this message.
    """
    return "set_region_mappings " + _mapping((0, regions(sectors)), ENGINE)


def local_runs(extents: Iterable[Extent], sectors: int) -> Iterator[Run]:
    """Yield (first region, count) of the regions that are cached as a whole.

    :param extents: in order and without gaps, as the server reports them.
    """
    size = sectors * sysfs.SECTOR
    for start, end in _merged(extents):
        first = -(-start // REGION)
        last = regions(sectors) if end >= size else end // REGION
        if last > first:
            yield first, last - first


def messages(runs: Iterable[Run]) -> Iterator[str]:
    """Yield the messages that flip these runs to the local file."""
    words = [_mapping(run, LOCAL) for run in runs]
    for start in range(0, len(words), _RUNS_A_MESSAGE):
        chunk = words[start : start + _RUNS_A_MESSAGE]
        yield " ".join(["set_region_mappings", *chunk])


class HydrationMap:
    """The hydration map of one image; sends the kernel only what is new."""

    def __init__(self, sectors: int, send: Callable[[str], None]) -> None:
        self._sectors = sectors
        self._flipped = bytearray(regions(sectors))
        self._send = send

    @property
    def regions(self) -> int:
        """The number of the image's regions."""
        return len(self._flipped)

    @property
    def hydrated(self) -> int:
        """The number of regions that are read from the local file."""
        return sum(self._flipped)

    @property
    def complete(self) -> bool:
        """Whether the node holds the whole image."""
        return all(self._flipped)

    def update(self, extents: Iterable[Extent]) -> int:
        """Flip the regions that have become local; return their number."""
        new = list(self._unflipped(local_runs(extents, self._sectors)))
        for text in messages(new):
            self._send(text)
        # Noted after the messages: if one fails, all are sent again.
        for first, count in new:
            self._flipped[first : first + count] = bytes([1]) * count
        return sum(count for _, count in new)

    def _unflipped(self, runs: Iterable[Run]) -> Iterator[Run]:
        for first, count in runs:
            at, end = first, first + count
            while (at := self._flipped.find(0, at, end)) != -1:
                stop = self._flipped.find(1, at, end)
                stop = end if stop == -1 else stop
                yield at, stop - at
                at = stop


def _mapping(run: Run, path: int) -> str:
    first, count = run
    text = f"{first:x}:{path}"
    return text if count == 1 else f"{text} R1,{count - 1:x}"


def _merged(extents: Iterable[Extent]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) in bytes of extents of depth 1, neighbours joined."""
    start = end = -1
    for extent in extents:
        if extent.depth != 1:
            continue
        if extent.offset != end:
            if end > start:
                yield start, end
            start = extent.offset
        end = extent.offset + extent.length
    if end > start:
        yield start, end
