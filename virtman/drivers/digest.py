# SPDX-License-Identifier: Apache-2.0
"""Computes the SHA-256 of a file, in a child process of low priority.

The child has the lowest priority for the CPU and for the disk.  A thread of
the agent with that priority would stop the other threads whenever it held the
interpreter's lock.  Python's SHA-256, which is OpenSSL's, took a quarter of
the CPU that sha256sum of coreutils took.  The child runs as the agent's own
user, without privileges.
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
# Seconds between two looks at whether the digest is still wanted.
_LOOK_EVERY = 0.2


def sha256(file: Path, unwanted: threading.Event) -> str | None:
    """Return the digest of a file: ``sha256:`` and 64 hexadecimal digits.

    :returns: None if ``unwanted`` was set before the end.
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
