# SPDX-License-Identifier: Apache-2.0
"""Read a server's answers: ``0:<info>``, ``1:<why>``, ``2:<why>``."""

from __future__ import annotations

import dataclasses
import enum


class Code(enum.IntEnum):
    """The first character of an answer."""

    OK = 0
    REFUSED = 1  # the name exists, or does not
    FAILED = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a server: a code, and the path or the reason."""

    code: Code
    info: str


def parse(text: object) -> Answer:
    """Split an answer; one without a known code counts as a failure."""
    code, colon, info = str(text).partition(":")
    if not colon or code not in ("0", "1", "2"):
        return Answer(Code.FAILED, f"unknown answer {str(text)!r}")
    return Answer(Code(int(code)), info)
