# SPDX-License-Identifier: Apache-2.0
"""Checks the daemons: tgtd and its own targets, iscsid, the agent."""

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
    """Yield findings on the daemons and on the targets of tgt's own files."""
    lacking = list(prerequisites.daemons())
    for text in lacking:
        problem, _, remedy = text.partition(": ")
        yield Finding(_CHECK, Level.ERROR, problem, remedy)
    if not lacking:
        yield Finding(_CHECK, Level.OK, "tgtd and iscsid run")
    yield _targets()
    yield _agent()


def _targets() -> Finding:
    """Return whether tgt's files make targets with the agent's names.

    After each start of tgt the agent would find the name taken.
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
    """Yield a file of tgt's and the files that its patterns include."""
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
    agents = processes.agents()
    if agents:
        numbers = ", ".join(map(str, agents))
        return Finding(
            _CHECK, Level.OK, f"virtman-server runs (process {numbers})"
        )
    return Finding(
        _CHECK, Level.WARNING, "virtman-server does not run",
        "start it: 'systemctl start virtman-server'; what stands goes on "
        "without it",
    )  # fmt: skip
