# SPDX-License-Identifier: Apache-2.0
"""What of ours is on this host, and what only looks like it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from virtman import names, sysfs
from virtman.cache.engine import CacheEngine
from virtman.drivers import dmsetup, iscsi, sessions
from virtman.names import Role

LOG = logging.getLogger(__name__)

_STACK = (Role.MULTIPATH, Role.ENGINE, Role.CACHED, Role.ORIGIN)


def list_images(engine: CacheEngine) -> set[str]:
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


def foreign_devices() -> list[str]:
    """Return the devices that have one of our names and are not ours."""
    return [
        name
        for name, uuid in _mapped()
        if (parsed := names.parse_dm_name(name))
        and parsed[0] in (*_STACK, Role.SNAPSHOT)
        and names.parse_dm_uuid(uuid) != parsed
    ]


def _mapped() -> Iterator[tuple[str, str]]:
    for folder in sorted((sysfs.SYS / "block").glob("dm-*/dm")):
        name = sysfs.read(folder / "name")
        yield name or "", sysfs.read(folder / "uuid") or ""
