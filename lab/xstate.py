# SPDX-License-Identifier: Apache-2.0
"""Build the preload that lets user-mode Linux run on CPUs with a large xstate.

xstate.c explains what the preload does.  It has to be C: it stands in for the
function ``ptrace`` inside another program's process.  ``make system`` builds
it ahead of its first use, by ``python -m lab prepare``.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from lab import tools

SOURCE = Path(__file__).with_name("xstate.c")
CACHE = Path(__file__).resolve().parent.parent / "build" / "lab" / ".cache"
REMEDY = "apt-get install gcc libc6-dev; make system then builds the preload"
_FLAGS = ("-O2", "-Wall", "-shared", "-fPIC")


def library(cache: Path = CACHE) -> Path | None:
    """Return the preload, built in ``cache`` if it is missing there.

    None without a C compiler: most CPUs need no preload.
    """
    if tools.which("cc") is None:
        return None
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:8]
    made = cache / f"xstate-{digest}.so"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            fresh = Path(scratch, made.name)
            tools.run(["cc", *_FLAGS, "-o", str(fresh), str(SOURCE)])
            fresh.replace(made)
    return made
