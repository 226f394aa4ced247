# SPDX-License-Identifier: Apache-2.0
"""What of ours is on this host, and what only looks like it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from virtman import names, sysfs
from virtman.cache.engine import CacheEngine
from virtman.drivers import dmsetup, iscsi, nbd, processes, sessions
from virtman.names import Role

LOG = logging.getLogger(__name__)

_STACK = (Role.MULTIPATH, Role.ENGINE, Role.CACHED, Role.ORIGIN)
_PROC = Path("/proc")
_INIT = "1"
# What the agent runs and waits for.  The storage daemon is none of them: it
# stays, and is found by its files; so does an nbd-client with a connection.
_COMMANDS = {
    "dmsetup", "losetup", "blockdev", "tgtadm", "iscsiadm", "nbd-client",
    "qemu-img", "nbdinfo", "flashcache_create", "flashcache_destroy",
}  # fmt: skip
# Seconds that a command of an agent that was killed may take to its end.
_PATIENCE = 30.0


def images(engine: CacheEngine) -> set[str]:
    """Return every image of which there is anything on this host."""
    found = {item.key for item in dmsetup.ours() if item.role in _STACK}
    for iqn in sessions.targets() | _served():
        image = names.parse_iqn(iqn) or ""
        usable = names.parse_dm_name(names.dm_name(Role.CACHED, image))
        # Another prefix, or a name that we do not make, is another's.
        if usable and iqn == names.DEFAULT_IQN_PREFIX + image:
            found.add(image)
    return found | engine.kept()


def _served() -> set[str]:
    """Return the targets over a cache of this node."""
    prefix = names.dm_path(Role.CACHED, "")
    return {
        target.iqn
        for target in iscsi.targets()
        if (target.device or "").startswith(prefix)
    }


def strangers() -> list[str]:
    """Return the devices that have one of our names and are not ours."""
    return [
        name
        for name, uuid in _mapped()
        if (parsed := names.parse_dm_name(name))
        and parsed[0] in (*_STACK, Role.SNAPSHOT)
        and names.parse_dm_uuid(uuid) != parsed
    ]


def wait_for_commands() -> None:
    """Wait until no command of an agent that was killed runs any more.

    They run on without it, and what they do would come as a surprise.  Such
    a process has been taken over by the first one.
    """
    _wait(_commands)


def wait_for_helpers() -> None:
    """Wait until the privsep helpers of another agent have ended.

    Each ends with its agent, once the commands that it runs have.  To be
    called by an agent that has none of its own yet.
    """
    _wait(lambda: (f"privsep-helper ({pid})" for pid in processes.helpers()))


def _wait(running: Callable[[], Iterable[str]]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while left := list(running()):
        if time.monotonic() > deadline:
            LOG.warning("commands of an earlier agent run on: %s", left)
            return
        time.sleep(0.02)


def _mapped() -> Iterator[tuple[str, str]]:
    for folder in sorted((sysfs.SYS / "block").glob("dm-*/dm")):
        name = sysfs.read(folder / "name")
        yield name or "", sysfs.read(folder / "uuid") or ""


def _commands() -> Iterator[str]:
    kept = nbd.keepers()
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        # proc(5): pid (comm) state ppid ...; comm may hold anything.
        head, _, rest = (sysfs.read(folder / "stat") or "").rpartition(")")
        name, fields = head.partition("(")[2], rest.split()
        if int(folder.name) in kept:
            continue
        if name in _COMMANDS and fields[1:2] == [_INIT] and fields[0] != "Z":
            yield f"{name} ({folder.name})"
