# SPDX-License-Identifier: Apache-2.0
"""Lists the images that this host has, and foreign devices with our names."""

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
    """Return each image with a device, a session, a target or a cache here."""
    images = {item.key for item in dmsetup.ours() if item.role in _STACK}
    for iqn in sessions.targets() | _served():
        image = names.parse_iqn(iqn) or ""
        usable = names.parse_dm_name(names.dm_name(Role.CACHED, image))
        # With another prefix, or a name that the agent does not make, it
        # belongs to another program.
        if usable and iqn == names.iqn(image):
            images.add(image)
    return images | engine.kept()


def _served() -> set[str]:
    """Return the iSCSI names of the targets that export a cache here."""
    prefix = names.dm_path(Role.CACHED, "")
    return {
        target.iqn
        for target in iscsi.targets()
        if (target.device or "").startswith(prefix)
    }


def foreign_devices() -> list[str]:
    """Return the devices with an agent's name and without its mark."""
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
