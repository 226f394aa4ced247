# SPDX-License-Identifier: Apache-2.0
"""Run an operator's command, and pass on its progress while it runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence


def follow(
    argv: Sequence[str],
    each: Callable[[str], None],
    *,
    env: Mapping[str, str],
    timeout: float,
) -> tuple[int, str]:
    """Run a command; return its exit code and its output.

    :param each: is given each line of its standard error, as it comes.
    :param env: more variables than this process has.
    :param timeout: seconds after which it is killed; its code is -9 then.
    """
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **env},
        ) as process,
    ):
        overdue = threading.Timer(timeout, process.kill)
        overdue.start()
        try:
            for line in process.stderr or ():
                each(line.rstrip())
            code = process.wait()
        finally:
            overdue.cancel()
            process.kill()
        out.seek(0)
        return code, out.read()
