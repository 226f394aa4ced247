# SPDX-License-Identifier: Apache-2.0
"""The daemons: tgtd and what it starts with, iscsid, the agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from virtman import names
from virtman.conf import Settings
from virtman.doctor import prerequisites
from virtman.doctor.finding import Finding, Level
from virtman.drivers import processes

_CHECK = "daemons"
_TGT = Path("/etc/tgt")
# tgt's targets.conf(5): <target NAME>, in files that an include names.
_TARGET = re.compile(r"^\s*<target\s+(\S+?)\s*>", re.MULTILINE)
_INCLUDE = re.compile(r"^\s*include\s+(\S+)", re.MULTILINE)


def look(settings: Settings) -> Iterator[Finding]:
    """Yield what does not run, what does, and what tgt makes at its start."""
    lacking = list(prerequisites.daemons())
    for text in lacking:
        what, _, remedy = text.partition(": ")
        yield Finding(_CHECK, Level.ERROR, what, remedy)
    if not lacking:
        yield Finding(_CHECK, Level.OK, "tgtd and iscsid run")
    yield _targets()
    yield _agent()


def _targets() -> Finding:
    """Say whether tgt makes targets of our names by itself.

    The agent would find its name taken after each start of tgt.
    """
    for file in _files(_TGT / "targets.conf"):
        for name in _TARGET.findall(_text(file)):
            if name.startswith(names.iqn(names.IMAGE_PREFIX)):
                return Finding(
                    _CHECK, Level.WARNING,
                    f"{file} has tgt make {name} at its start, a name of the "
                    "kind that the agent gives",
                    "take it out, unless it is another service's (Cinder "
                    "names its volumes so) and no image is called that",
                )  # fmt: skip
    return Finding(_CHECK, Level.OK, f"{_TGT}: no target of the agent's names")


def _files(file: Path) -> Iterator[Path]:
    """Yield a file of tgt's and those that it includes, patterns filled in."""
    yield file
    for pattern in _INCLUDE.findall(_text(file)):
        path = Path(pattern)
        yield from sorted(path.parent.glob(path.name))


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def _agent() -> Finding:
    found = processes.agents()
    if found:
        numbers = ", ".join(map(str, found))
        return Finding(
            _CHECK, Level.OK, f"virtman-server runs (process {numbers})"
        )
    return Finding(
        _CHECK, Level.WARNING, "virtman-server does not run",
        "start it: 'systemctl start virtman-server'; what stands goes on "
        "without it",
    )  # fmt: skip
