# SPDX-License-Identifier: Apache-2.0
"""Runs a program: an argument list, no shell, a deadline."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import BinaryIO

from virtman.exception import CommandError

# Seconds.  The slowest of these commands, an iSCSI login under emulation on
# a loaded host, was seen to take 9; a hung one must not hold a lock for ever.
DEADLINE = 120.0


def run(
    argv: Sequence[str],
    stdin: str | None = None,
    deadline: float | None = None,
) -> str:
    """Run a program; return the text that it printed.

    :param stdin: what it is given to read; nothing by default.
    :param deadline: in seconds, if it must end sooner than others.
    :raises CommandError: it failed, did not end in time, or is not there.
    """
    seconds = DEADLINE if deadline is None else deadline
    # C locale: what tools print is parsed, and must not be translated.
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        with _whole(stdin or "") as given:
            done = subprocess.run(
                argv,
                stdin=given,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                env=environment,
                check=False,
            )
    except subprocess.TimeoutExpired as late:
        out, err = (
            (output or b"").decode(errors="replace")
            for output in (late.stdout, late.stderr)
        )
        err = f"no end in {seconds} s\n{err}"
        raise CommandError(argv, None, out, err) from None
    except OSError as error:
        raise CommandError(argv, 127, "", str(error)) from None
    if done.returncode:
        raise CommandError(argv, done.returncode, done.stdout, done.stderr)
    return done.stdout


def _whole(text: str) -> BinaryIO:
    """Return a file in memory with a text in it, ready to be read.

    Were it a pipe and this process killed before it has written, the program
    would read an empty input: dmsetup makes a device without a table of that,
    and waits for udev's word on it for ever.
    """
    file = os.fdopen(os.memfd_create("stdin"), "w+b")
    file.write(text.encode())
    file.seek(0)
    return file
