# SPDX-License-Identifier: Apache-2.0
"""``origin_<image>``: what the snapshots of the instances stand on.

Table (``Documentation/admin-guide/device-mapper/snapshot.rst``)::

    0 <S> snapshot-origin <cached device>
"""

from __future__ import annotations

from virtman import sysfs
from virtman.drivers import dmsetup
from virtman.names import Role
from virtman.stack import ABSENT, Layer, State, Status


class Origin(Layer):
    """A read-only snapshot origin over the cached device."""

    def __init__(self, image: str, sectors: int) -> None:
        self._image = image
        self._sectors = sectors

    def status(self, below: str) -> Status:
        """Compare the live table with the wanted one."""
        device = dmsetup.find(Role.ORIGIN, self._image)
        if device is None:
            return ABSENT
        live = dmsetup.table(device)
        wanted = self._table(sysfs.number(below) or below)
        if live != wanted:
            reason = f"has the table {live!r}, not {wanted!r}"
            return Status(State.MISMATCH, device.path, reason)
        return Status(State.ACTIVE, device.path)

    def build(self, below: str) -> str:
        """Create the device."""
        text = self._table(below)
        return dmsetup.create(Role.ORIGIN, self._image, text, readonly=True)

    def deactivate(self) -> bool:
        """Remove the device; the last snapshot must be gone."""
        return dmsetup.remove(Role.ORIGIN, self._image)

    def _table(self, device: str) -> str:
        return f"0 {self._sectors} snapshot-origin {device}"
