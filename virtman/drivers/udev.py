# SPDX-License-Identifier: Apache-2.0
"""Keeps the host's scanners off the agent's devices, by a rule of udev's.

udev runs blkid on every new block device.  On ``multipath_<image>`` that
read would wait for the first path, and udev with it; on ``snapshot_<vm>`` the
host would find the guest's file systems and volume groups and might start
them.  The rule below is written to udev's volatile folder when the agent
starts (``udev(7)``, RULES FILES); the flags are device-mapper's own
(``libdm/libdevmapper.h``, DM_UDEV_DISABLE_*).

The iSCSI disks below them keep their links under /dev/disk, but blkid is kept
off them, too.  It would read each disk when it appears, and again whenever a
program that had it open for writing closes it.  These reads cross a parent's
uplink: 1.1 MB a look, 2.5 MB with the kernel's default read-ahead.  So there
is no blkid (the flag is of systemd's own 60-persistent-storage.rules), no
watch and, for the kernel's search for partitions, no read-ahead.

The file sorts after 55-dm.rules, which fills in DM_UUID, and before
60-persistent-storage-dm.rules, which scans (Debian's and Ubuntu's names).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from virtman import privsep
from virtman.exception import CommandError

FOLDER = Path("/run/udev/rules.d")
_CONTROL = Path("/run/udev/control")
NAME = "56-virtman.rules"
RULE = """\
# Written by virtman-server: its devices are not for the host to look into.
SUBSYSTEM!="block", GOTO="virtman_end"
ACTION!="remove", KERNEL=="sd*", ATTRS{vendor}=="VIRTMAN*", \\
  ENV{UDEV_DISABLE_PERSISTENT_STORAGE_BLKID_FLAG}="1", OPTIONS:="nowatch"
ACTION=="add", KERNEL=="sd*", ENV{DEVTYPE}=="disk", \\
  ATTRS{vendor}=="VIRTMAN*", ATTR{queue/read_ahead_kb}="0"
KERNEL!="dm-[0-9]*", GOTO="virtman_end"
ENV{DM_UUID}!="virtman-*", GOTO="virtman_end"
ENV{DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG}="1"
ENV{DM_UDEV_DISABLE_DISK_RULES_FLAG}="1"
ENV{DM_UDEV_DISABLE_OTHER_RULES_FLAG}="1"
OPTIONS:="nowatch"
LABEL="virtman_end"
"""


def is_in_force(folder: Path = FOLDER) -> bool:
    """Tell whether the rule is written, or the host has no udev."""
    file = folder / NAME
    return not _CONTROL.exists() or (
        file.exists() and file.read_text() == RULE
    )


def remove(folder: Path = FOLDER) -> bool:
    """Remove the rule; return whether it was there."""
    file = folder / NAME
    if not file.exists():
        return False
    privsep.remove_udev_rule(str(file))
    with contextlib.suppress(CommandError):
        privsep.udevadm("control", "--reload")
    return True


def install(folder: Path = FOLDER) -> bool:
    """Write the rule and have udev read it; return whether it was new.

    A host without udev (a container, a rescue shell) needs none.
    """
    if is_in_force(folder):
        return False
    file = folder / NAME
    privsep.write_udev_rule(str(file), RULE)
    try:
        privsep.udevadm("control", "--reload")
    except CommandError:
        # udev reads changed rules by itself, only later (udev(7)).
        return True
    return True
