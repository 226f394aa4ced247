# SPDX-License-Identifier: Apache-2.0
"""A file's SHA-256, computed by a child process that is in nobody's way.

It has the lowest priority there is for the CPU and for the disk; a thread of
the agent's with that would keep the others from running whenever it held the
interpreter's lock.  Python's SHA-256, which is OpenSSL's, took a quarter of
the CPU that sha256sum of coreutils took.  It runs as the agent's own user,
without privileges.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from virtman.exception import CommandError

PREFIX = "sha256:"
_LOW = ("nice", "-n", "19", "ionice", "-c", "3")
_PROGRAM = Path(__file__).with_name("hasher.py")
# Seconds between two looks at whether it is still wanted.
_LOOK_EVERY = 0.2


def sha256(file: Path, unwanted: threading.Event) -> str | None:
    """Return ``sha256:`` and 64 hexadecimal digits.

    :returns: None when ``unwanted`` was set before the end.
    :raises CommandError: the file cannot be read.
    """
    argv = [*_LOW, sys.executable, "-I", "-S", str(_PROGRAM), str(file)]
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise CommandError(argv, 127, "", str(error)) from None
    with child:
        while not unwanted.is_set():
            try:
                out, err = child.communicate(timeout=_LOOK_EVERY)
            except subprocess.TimeoutExpired:
                continue
            if child.returncode:
                raise CommandError(argv, child.returncode, out, err)
            return PREFIX + out.strip()
        child.kill()
        child.communicate()
        return None
