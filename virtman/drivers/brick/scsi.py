# SPDX-License-Identifier: Apache-2.0
"""Names SCSI disks for os-brick, without its wait for udev's links.

After a login os-brick looks for the disk's link under /dev/disk/by-id, once a
second and up to ten times.  The agent does not use that name; the kernel's
own (``/sys/block/sdX/device/wwid``) is there with the disk.
"""

from __future__ import annotations

from os_brick.initiator import linuxscsi


class PromptScsi(linuxscsi.LinuxSCSI):  # type: ignore[misc]
    """os-brick's SCSI helper, with names read from /sys at once."""

    def get_sysfs_wwn(
        self, device_names: list[str], mpath: str | None = None
    ) -> str:
        """Return the kernel's name of the disk, os-brick's if it has none."""
        return str(
            self.get_sysfs_wwid(device_names)
            or super().get_sysfs_wwn(device_names, mpath)
        )
