# SPDX-License-Identifier: Apache-2.0
"""Checks that the agent's programs are installed, and asks their versions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from virtman import privsep
from virtman.cache import engine
from virtman.cache.engine import Requirement
from virtman.conf import Settings
from virtman.doctor import prerequisites
from virtman.doctor.finding import Finding, Level
from virtman.exception import CommandError

_CHECK = "programs"
_VERSION = re.compile(r"\d+(\.\d+)*")
# How a program is asked for its version; the others are only looked for.
_ASKED: dict[str, Callable[[], str]] = {
    "dmsetup": lambda: privsep.dmsetup("version"),
    "losetup": lambda: privsep.losetup("--version"),
    "blockdev": lambda: privsep.blockdev("--version"),
    "modprobe": lambda: privsep.modprobe("--version"),
    "tgtadm": lambda: privsep.tgtadm("--version"),
    "iscsiadm": lambda: privsep.iscsiadm("--version"),
    "qemu-storage-daemon": lambda: privsep.qemu_storage_daemon("--version"),
    "qemu-img": lambda: privsep.qemu_img("--version"),
    "nbd-client": lambda: privsep.nbd_client("-V"),
    "partx": lambda: privsep.partx("--version"),
    "nbdinfo": lambda: privsep.nbdinfo("--version"),
}


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each program.

    :raises ConfigError: the cache engine is unknown.
    """
    for program in (*prerequisites.PROGRAMS, *engine.load(settings).programs):
        yield _finding(program)


def _finding(item: Requirement) -> Finding:
    path = prerequisites.find(item.name)
    if path is None:
        remedy = f"install the Debian package {item.package}"
        return Finding(
            _CHECK, Level.ERROR, f"{item.name} is not installed", remedy
        )
    if item.name not in _ASKED:
        return Finding(_CHECK, Level.OK, f"{path} is there")
    answer, failure = _answer(_ASKED[item.name])
    version = _VERSION.search(answer)
    if version is None:
        return Finding(
            _CHECK, Level.ERROR, f"{path} does not run: {failure}",
            f"install the Debian package {item.package} anew",
        )  # fmt: skip
    return Finding(_CHECK, Level.OK, f"{item.name} {version[0]}: {path}")


def _answer(ask: Callable[[], str]) -> tuple[str, str]:
    """Return a program's answer, and the reason if it names no version.

    The answer of a failure counts too: dmsetup names its own version, then
    fails where the kernel has no driver.
    """
    try:
        return ask(), "it does not tell its version"
    except CommandError as error:
        return error.out, str(error)
