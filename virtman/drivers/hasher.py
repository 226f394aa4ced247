# SPDX-License-Identifier: Apache-2.0
"""Prints the SHA-256 of a file, as a program of its own: ``hasher.py FILE``.

:mod:`virtman.drivers.digest` runs it, without the project's packages.  It ends
when the process that started it has ended: its answer is of no use then.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

# Bytes read at a time; after each part the parent is looked for.
_PART = 1 << 22


def main(argv: list[str], parent: int) -> int:
    """Print the digest of a file; return the exit code.

    :param argv: the program's name and the file.
    :param parent: the id of the process that waits for the answer.
    """
    digest = hashlib.sha256()
    with Path(argv[1]).open("rb", buffering=0) as file:
        while part := file.read(_PART):
            digest.update(part)
            # A process whose parent has ended gets another one.
            if os.getppid() != parent:
                return 1
    print(digest.hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv, os.getppid()))
