# SPDX-License-Identifier: Apache-2.0
"""What dm-switch makes of a message, after drivers/md/dm-switch.c.

Words are ``<index>:<path>`` (without an index: the region after the last) or
``R<cycle>,<count>``, which repeats the last <cycle> mappings over the next
<count> regions; numbers are hexadecimal.  What the kernel answers with EINVAL
raises ValueError here.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"([0-9a-f]*):([0-9a-f]+)")
_REPEAT = re.compile(r"[Rr]([0-9a-f]+),([0-9a-f]+)")


class DmSwitch:
    """The path of every region; a new one has them round robin."""

    def __init__(self, regions: int, paths: int = 2) -> None:
        self.map = [region % paths for region in range(regions)]
        self.paths = paths

    def message(self, text: str) -> None:
        """Do as process_set_region_mappings would."""
        verb, *words = text.split(" ")
        if verb != "set_region_mappings" or not words:
            raise ValueError(text)
        at = 0
        for word in words:
            at = self._map(word, at)

    def _map(self, word: str, at: int) -> int:
        repeat = _REPEAT.fullmatch(word)
        if repeat:
            return self._repeat(
                at, *(int(part, 16) for part in repeat.groups())
            )
        single = _WORD.fullmatch(word)
        if not single:
            raise ValueError(word)
        at = int(single[1], 16) if single[1] else at + 1
        path = int(single[2], 16)
        if at >= len(self.map) or path >= self.paths:
            raise ValueError(word)
        self.map[at] = path
        return at

    def _repeat(self, at: int, cycle: int, count: int) -> int:
        if not cycle or cycle - 1 > at or at + count >= len(self.map):
            raise ValueError((at, cycle, count))
        for region in range(at + 1, at + 1 + count):
            self.map[region] = self.map[region - cycle]
        return at + count
