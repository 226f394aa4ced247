# SPDX-License-Identifier: Apache-2.0
"""The SHA-256 of one file, as a program of its own: ``hasher.py FILE``.

Run by :mod:`virtman.drivers.digest` without the project's packages.  It ends
with the process that started it: nobody waits for the answer then.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

_PART = 1 << 22


def main(argv: list[str], parent: int) -> int:
    """Print the digest; return the exit code."""
    digest = hashlib.sha256()
    with Path(argv[1]).open("rb", buffering=0) as file:
        while part := file.read(_PART):
            digest.update(part)
            if os.getppid() != parent:
                return 1
    print(digest.hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv, os.getppid()))
