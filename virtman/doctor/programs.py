# SPDX-License-Identifier: Apache-2.0
"""The programs that the agent calls: there, and of which version."""

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
# Who is asked for his version, and how; the others are only looked for.
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

    :raises ConfigError: there is no such cache engine.
    """
    for item in (*prerequisites.PROGRAMS, *engine.load(settings).programs):
        yield _finding(item)


def _finding(item: Requirement) -> Finding:
    path = prerequisites.find(item.name)
    if path is None:
        remedy = f"install the Debian package {item.package}"
        return Finding(
            _CHECK, Level.ERROR, f"{item.name} is not installed", remedy
        )
    if item.name not in _ASKED:
        return Finding(_CHECK, Level.OK, f"{path} is there")
    said, failure = _answer(_ASKED[item.name])
    found = _VERSION.search(said)
    if found is None:
        return Finding(
            _CHECK, Level.ERROR, f"{path} does not run: {failure}",
            f"install the Debian package {item.package} anew",
        )  # fmt: skip
    return Finding(_CHECK, Level.OK, f"{item.name} {found[0]}: {path}")


def _answer(ask: Callable[[], str]) -> tuple[str, str]:
    """Return what a program says of itself, and how it failed if it did.

    dmsetup names its own version, then fails where the kernel has no driver.
    """
    try:
        return ask(), "it does not tell its version"
    except CommandError as error:
        return error.out, str(error)
