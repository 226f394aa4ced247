# SPDX-License-Identifier: Apache-2.0
"""Files of secrets: one a line, all of them valid.

So a new secret can be brought to the callers while the old one still works.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

# Characters; less is too easy to guess.
SHORTEST = 16


def read(file: Path, mode_remedy: str) -> tuple[bytes, ...]:
    """Return the secrets in a file; ``#`` begins a comment.

    :param mode_remedy: what to do about a file that every user may read.
    :raises ValueError: the file cannot be used; the message names the line,
        never its text.
    """
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            lines = [line.strip() for line in opened]
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from error
    if mode & stat.S_IRWXO:
        raise ValueError(
            f"{file}: every user of this host may use it (mode {mode:o}); "
            f"{mode_remedy}"
        )
    secrets = {
        number: line
        for number, line in enumerate(lines, 1)
        if line and not line.startswith(b"#")
    }
    for number, line in secrets.items():
        _check(file, number, line)
    if not secrets:
        raise ValueError(
            f"{file}: the file has no secret; write one a line (openssl rand "
            "-hex 32)"
        )
    return tuple(secrets.values())


def _check(file: Path, number: int, line: bytes) -> None:
    printable = all(0x20 <= byte < 0x7F for byte in line)
    if len(line) < SHORTEST or not printable:
        raise ValueError(
            f"{file}, line {number}: a secret has at least {SHORTEST} "
            "printable ASCII characters"
        )
