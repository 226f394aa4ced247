# SPDX-License-Identifier: Apache-2.0
"""The node's own target: its cache, served to the next nodes by tgt.

A tap: it adds an export of the *cached* device and hands the device below
(the origin) on unchanged.
"""

from __future__ import annotations

from virtman import names
from virtman.drivers import iscsi
from virtman.names import Role
from virtman.stack import ABSENT, Layer, State, Status


class Export(Layer):
    """A read-only target over ``cached_<image>``."""

    def __init__(
        self, image: str, iqn: str, serial: str, closed: bool = False
    ) -> None:
        self._iqn = iqn
        self._serial = serial
        self._closed = closed
        self._device = names.dm_path(Role.CACHED, image)
        self._below = names.dm_path(Role.ORIGIN, image)

    def status(self, below: str) -> Status:
        """Compare the exported device and the serial number."""
        target = iscsi.find(self._iqn)
        if target is None or target.half_made(self._device):
            return ABSENT
        if (target.device, target.serial) != (self._device, self._serial):
            reason = (
                f"target {self._iqn} exports {target.device} with serial "
                f"{target.serial}, not {self._device} with {self._serial}"
            )
            return Status(State.MISMATCH, self._iqn, reason)
        return Status(State.ACTIVE, self._below)

    def build(self, below: str) -> str:
        """Export the device."""
        iscsi.create(
            self._iqn, self._device, self._serial, closed=self._closed
        )
        return self._below

    def deactivate(self) -> bool:
        """Remove the target, if it is the one over our device.

        :raises InUse: a child is still logged in.
        """
        target = iscsi.find(self._iqn)
        if target is None or target.device not in (None, self._device):
            return False
        return iscsi.remove(self._iqn)

    def children(self) -> list[str]:
        """Return the initiators that are logged in to our target."""
        target = iscsi.find(self._iqn)
        return target.initiators if target else []
