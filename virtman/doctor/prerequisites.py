# SPDX-License-Identifier: Apache-2.0
"""Checks at the agent's start what the host must have, with remedies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from virtman import privsep
from virtman.cache.engine import CacheEngine, Requirement
from virtman.conf import Settings
from virtman.drivers import iscsi
from virtman.exception import CommandError, LayerError, MissingTools

PROGRAMS = (
    Requirement("dmsetup", "dmsetup"),
    Requirement("losetup", "mount"),
    Requirement("blockdev", "util-linux"),
    Requirement("ionice", "util-linux"),
    Requirement("modprobe", "kmod"),
    Requirement("tgtadm", "tgt"),
    Requirement("iscsiadm", "open-iscsi"),
    Requirement(privsep.SCSI_ID, "udev"),
)
MODULES = tuple(
    Requirement(name, "linux-image-amd64")
    for name in (
        "dm_mod",
        "dm_multipath",
        "dm_queue_length",
        "dm_snapshot",
        "loop",
        "iscsi_tcp",
        "sd_mod",
    )
)
# Appended for users whose PATH does not have them (see find).
_SBIN = ":/usr/sbin:/sbin"
_INITIATOR = Path("/etc/iscsi/initiatorname.iscsi")


def check(settings: Settings, engine: CacheEngine) -> None:
    """Make the folders, load the modules, and check programs and daemons.

    :raises MissingTools: the message lists everything that is missing.
    """
    missing = [
        *_programs((*PROGRAMS, *engine.programs)),
        *_folders(settings),
    ]
    if not missing:
        missing = [*_modules((*MODULES, *engine.modules)), *daemons()]
    if missing:
        raise MissingTools(
            "this host lacks what virtman needs:\n  " + "\n  ".join(missing)
        )


def find(program: str) -> str | None:
    """Return a program's path, None if it is not installed.

    The helpers run it as root; the PATH of the agent's user may lack the
    folders of root's programs.
    """
    path = os.environ.get("PATH", os.defpath)
    more = "" if os.geteuid() == 0 else _SBIN
    return shutil.which(program, path=path + more)


def _programs(
    wanted: tuple[Requirement, ...],
    find_program: Callable[[str], str | None] = find,
) -> Iterator[str]:
    for item in wanted:
        if find_program(item.name) is None:
            yield (
                f"program {item.name}: install the Debian package "
                f"{item.package}"
            )


def _modules(wanted: tuple[Requirement, ...]) -> Iterator[str]:
    for item in wanted:
        try:
            privsep.modprobe(item.name)
        except CommandError as error:
            yield (
                f"kernel module {item.name}: the running kernel has none; "
                f"install the Debian package {item.package} and boot it "
                f"({error.err.strip()})"
            )


def _folders(settings: Settings) -> Iterator[str]:
    for folder in (
        settings.state_dir,
        settings.run_dir,
        settings.cache_dir,
        settings.snapshot_dir,
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            yield f"folder {folder}: {error.strerror}{_remedy(folder)}"
            continue
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            yield f"folder {folder}: it is another user's{_remedy(folder)}"


def _remedy(folder: Path) -> str:
    """Return how root prepares a folder for another user's agent, as text."""
    if os.geteuid() == 0:
        return ""
    user = privsep.helpers.user(os.geteuid())
    return (
        f"; as root: 'install -d -m 700 -o {user} {folder}', and 'chown -R "
        f"{user} {folder}' if it was another user's"
    )


def daemons() -> Iterator[str]:
    """Yield the faults of the two iSCSI daemons, each with its remedy."""
    try:
        iscsi.check()
    except LayerError as error:
        yield str(error)
    if not _INITIATOR.exists():
        yield (
            f"{_INITIATOR} is missing: write one line InitiatorName=iqn... "
            "into it ('iscsi-iname' makes a name; Debian package open-iscsi)"
        )
    if "ISCSIADM_ABSTRACT_NAMESPACE" not in _unix_sockets():
        yield (
            "iscsid does not run: start it ('systemctl start iscsid', Debian "
            "package open-iscsi)"
        )


def _unix_sockets() -> str:
    try:
        return Path("/proc/net/unix").read_text()
    except OSError:
        return ""
