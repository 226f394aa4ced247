# SPDX-License-Identifier: Apache-2.0
"""What a starting agent puts right of what stands since before it."""

from __future__ import annotations

import logging

from virtman.drivers import dmsetup
from virtman.exception import VirtmanError
from virtman.names import Role

LOG = logging.getLogger(__name__)

# A flashcache group's own devices are resumed by the engine, which knows
# what a table that was loaded and not swapped in means there.
_ROLES = (Role.MULTIPATH, Role.CACHED, Role.ORIGIN, Role.SNAPSHOT)


def resume_suspended() -> list[str]:
    """Resume our devices that somebody left suspended; return their paths.

    Their readers wait, and nobody else comes.  One that cannot be resumed
    keeps none of the others from it.
    """
    found = []
    for device in dmsetup.ours():
        try:
            if device.role in _ROLES and dmsetup.resume(device):
                LOG.warning("%s was suspended; it is resumed", device.path)
                found.append(device.path)
        except VirtmanError as error:
            LOG.error("%s stays suspended: %s", device.path, error)
    return found
