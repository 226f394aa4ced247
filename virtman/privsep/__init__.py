# SPDX-License-Identifier: Apache-2.0
"""The commands that need root, one function each, through oslo.privsep.

One module a context, with the functions that need the same capabilities.
Each context is a process of its own for an agent that is not root's, so
there are few.  Nothing here takes a command to run: a function runs its own
program, with an argument list, without a shell, with a deadline.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from virtman.privsep import devices, helpers, host, iscsi, storage
from virtman.privsep.context import Context
from virtman.privsep.devices import (
    blockdev,
    claimable,
    dmsetup,
    flashcache_create,
    flashcache_destroy,
    head,
    losetup,
    nbd_client,
    partx,
    wipe,
)
from virtman.privsep.host import (
    modprobe,
    remove_udev_rule,
    udevadm,
    write_udev_rule,
)
from virtman.privsep.iscsi import (
    SCSI_ID,
    initiator_name,
    iscsiadm,
    scsi_id,
    stop_connection,
    tell_scsi,
    tgt_account,
    tgtadm,
    write_node_record,
)
from virtman.privsep.storage import (
    nbdinfo,
    qemu_img,
    qemu_storage_daemon,
    signal_process,
)

__all__ = [
    "CONTEXTS",
    "SCSI_ID",
    "Context",
    "begin",
    "blockdev",
    "claimable",
    "dmsetup",
    "flashcache_create",
    "flashcache_destroy",
    "head",
    "initiator_name",
    "iscsiadm",
    "losetup",
    "modprobe",
    "nbd_client",
    "nbdinfo",
    "observe",
    "partx",
    "qemu_img",
    "qemu_storage_daemon",
    "remove_udev_rule",
    "run_in_process",
    "scsi_id",
    "serve",
    "signal_process",
    "stop_connection",
    "tell_scsi",
    "tgt_account",
    "tgtadm",
    "udevadm",
    "wipe",
    "write_node_record",
    "write_udev_rule",
]

CONTEXTS = (devices.context, iscsi.context, storage.context, host.context)


def observe(tell: Callable[[str], None]) -> None:
    """Call ``tell`` after each command that changed the host."""
    for context in CONTEXTS:
        context.tell = tell


def begin(root_helper: str, given: Mapping[str, str]) -> None:
    """Prepare to execute: in this process if it is root's, else by helpers.

    :param root_helper: what starts a helper as root, the first words of it.
    :param given: whole commands for that in its place, by section.
    :raises NoPrivileges: a helper does not start; the remedy is named.
    """
    if not run_in_process():
        helpers.start(CONTEXTS, root_helper, given)


def serve(words: Sequence[str]) -> int:
    """Run the helper that ``words`` ask for; return its exit code."""
    return helpers.serve(words, CONTEXTS)


def run_in_process() -> bool:
    """Execute without helpers when already root; return whether so."""
    root = os.geteuid() == 0
    if root:
        for context in CONTEXTS:
            context.run_in_process()
    return root
