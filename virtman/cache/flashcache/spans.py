# SPDX-License-Identifier: Apache-2.0
"""Computes where the disks lie in a flashcache group: arithmetic alone.

The group ``fcg`` is a linear device of 1 PiB that the cache target sees as
its one disk.  From the left it holds the cached disks, then an error target
up to the end::

    0 409600 linear 253:3 0
    409600 61440 error
    471040 2199022784512 error

The last line is the *tail*: sectors that no disk has ever had.  An ``error``
line before it is *retired*: a disk was there, or it fills up to the next
boundary.

Two rules keep the cache honest.

*Aligned*: a disk starts on a multiple of 64 KiB.  flashcache keeps whole
blocks at multiples of its block size (4, 8 or 16 KiB) and passes by whatever
is smaller (``flashcache_main.c``, ``flashcache_map``): of a disk that starts
in between, every read would be cut in two and none would ever be kept.

*Never twice*: flashcache knows a block by its sector alone and cannot be told
to forget a range.  So a sector that was a disk's once is not given to another
as long as the group stands: the new disk would be read from the old one's
blocks.  The live table names those sectors, also after a restart; hence a
retired line melts into its neighbours but never into the tail.  1 PiB is
enough for a hundred thousand deployments of 10 GiB, and a group that has
become empty is made anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from virtman.exception import LayerMismatch, NoSpace

# All in sectors of 512 bytes.
TOTAL = 1 << 41
ALIGN = 128


@dataclass(frozen=True)
class Span:
    """Neighbouring sectors of one kind: a disk's, or retired (no device)."""

    start: int
    length: int
    device: str = ""

    @property
    def end(self) -> int:
        """The first sector after the span."""
        return self.start + self.length

    def __str__(self) -> str:
        """Return the table line of ``dm-linear`` or ``dm-error``."""
        target = f"linear {self.device} 0" if self.device else "error"
        return f"{self.start} {self.length} {target}"


@dataclass(frozen=True)
class Spans:
    """A group's table without its tail; every change makes a new one."""

    used: tuple[Span, ...] = ()

    @property
    def fresh(self) -> int:
        """The first sector that no disk has ever had: the tail's start."""
        return self.used[-1].end if self.used else 0

    @property
    def members(self) -> tuple[Span, ...]:
        """The spans of disks, in the order of their sectors."""
        return tuple(span for span in self.used if span.device)

    def attach(self, device: str, sectors: int) -> tuple[Spans, int]:
        """Return the table with one more disk, and the disk's first sector.

        :param device: ``/dev/...`` or ``major:minor``.
        :raises NoSpace: the disk would leave no sector for the tail.
        """
        start = aligned(self.fresh)
        if start + sectors >= TOTAL:
            raise NoSpace(
                f"the cache group has {max(TOTAL - start, 0)} of its {TOTAL} "
                f"sectors left, {device} needs {sectors}; sectors are used "
                "once in the life of a group, and the group is made anew "
                "when the last image has left it"
            )
        gap = Span(self.fresh, start - self.fresh)
        disk = Span(start, sectors, device)
        return Spans(_merged([*self.used, gap, disk])), start

    def retire(self, starts: Collection[int]) -> Spans:
        """Return the table without the disks that start at these sectors."""
        return Spans(
            _merged(
                replace(span, device="") if span.start in starts else span
                for span in self.used
            )
        )

    def __str__(self) -> str:
        """Return the table as device-mapper loads it, the tail included."""
        tail = Span(self.fresh, TOTAL - self.fresh)
        return "\n".join(str(span) for span in (*self.used, tail))


def parse(text: str) -> Spans:
    """Return the spans of a group's table.

    :raises LayerMismatch: :class:`Spans` does not write such a table.
    """
    spans: list[Span] = []
    for line in text.splitlines():
        span = _parse_line(line)
        if span is None or span.start != (spans[-1].end if spans else 0):
            raise LayerMismatch(f"{line!r} is no line of a cache group")
        spans.append(span)
    if not spans or spans[-1].device or spans[-1].end != TOTAL:
        raise LayerMismatch(
            f"a cache group's table ends in an error target at {TOTAL}, "
            f"not in {str(spans[-1]) if spans else 'nothing'!r}"
        )
    return Spans(tuple(spans[:-1]))


def concatenation(disks: Sequence[tuple[str, int]]) -> str:
    """Return the linear table that puts SSDs one after the other.

    The sectors of an SSD beyond a multiple of 64 KiB are left out, so that no
    cache block lies on two SSDs.

    :param disks: device and size in sectors of each.
    """
    lines, start = [], 0
    for device, sectors in disks:
        length = sectors - sectors % ALIGN
        lines.append(str(Span(start, length, device)))
        start += length
    return "\n".join(lines)


def aligned(sector: int) -> int:
    """Return the first multiple of 64 KiB that is not below a sector."""
    return -(-sector // ALIGN) * ALIGN


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join retired neighbours, so that a table stays short."""
    result: list[Span] = []
    for span in spans:
        last = result[-1] if result else None
        if last and not last.device and not span.device:
            result[-1] = replace(last, length=last.length + span.length)
        elif span.length:
            result.append(span)
    return tuple(result)


def _parse_line(line: str) -> Span | None:
    match line.split():
        case [start, length, "error", *_]:
            return Span(int(start), int(length))
        case [start, length, "linear", device, "0"]:
            return Span(int(start), int(length), device)
    return None
