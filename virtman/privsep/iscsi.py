# SPDX-License-Identifier: Apache-2.0
"""iSCSI: the initiator's sessions, their disks, and tgtd's targets.

CAP_SYS_ADMIN
    asked for by the kernel's iSCSI messages
    (``drivers/scsi/scsi_transport_iscsi.c``, ``iscsi_if_recv_msg``): without
    it open-iscsi 2.1.8 refused discovery, the list of sessions and logout.

iscsid and tgtd ask for the caller's user, which is root; tgtadm and scsi_id
have no need of a capability, and no helper of their own.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from oslo_privsep import capabilities

from virtman import formats, names, sysfs
from virtman.exception import LayerError
from virtman.privsep import (
    command,
    iscsi_netlink,
    node_record,
    tgt_socket,
    words,
)
from virtman.privsep.context import Context

SCSI_ID = "/lib/udev/scsi_id"
# Seconds.  A disk answers at once or its path is of no use.
SCSI_DEADLINE = 10.0
# Where a host is told to scan for disks, and a disk to go; and what each is.
_TOLD = re.compile(
    r"/sys/class/scsi_host/host[0-9]+/scan|/sys/block/sd[a-z]+/device/delete"
)
_TEXT = words.matches(r"1|(-|[0-9]{1,9})( (-|[0-9]{1,20})){2}")
_SCSI_ID = words.matches(
    r"--whitelisted|--page=0x8[03]|--export|--device=/dev/[a-z0-9]{1,32}"
)
_TID_MAX = 2**31 - 1

context = Context(
    __name__, "privsep_virtman_iscsi", [capabilities.CAP_SYS_ADMIN]
)


@context.function
def iscsiadm(*args: str) -> str:
    """Run the program of that name.

    :raises LayerError: a word is not one that it may be given.
    """
    words.check_iscsiadm(args)
    return command.run(["iscsiadm", *args])


@context.function
def scsi_id(*args: str) -> str:
    """Run udev's program of that name, which is in no PATH.

    :raises LayerError: a word is not one that it may be given.
    """
    for word in args:
        words.require("a word of scsi_id", word, _SCSI_ID)
    return command.run([SCSI_ID, *args], deadline=SCSI_DEADLINE)


@context.function
def tgtadm(*args: str) -> str:
    """Run the program of that name for the iSCSI driver.

    :raises LayerError: a word is not one that it may be given.
    """
    words.check_tgtadm(args)
    return command.run(["tgtadm", "--lld", "iscsi", *args])


@context.function
def tgt_account(op: int, user: str, tid: int = 0, *, secret: str = "") -> None:
    """Change an account of tgtd, past tgtadm's command line.

    :param op: of :class:`virtman.privsep.tgt_socket.Op`.
    :raises CommandError: tgtd refuses, or does not answer.
    :raises LayerError: the user or the secret would be two words to it.
    """
    words.require("a user of tgtd", user, formats.is_account)
    words.require(
        "a target id", tid, lambda value: formats.is_whole(value, 0, _TID_MAX)
    )
    if secret and not formats.is_account(secret):
        raise LayerError(
            f"the secret of {user} has characters that tgtd does not take"
        )
    tgt_socket.account(tgt_socket.Op(op), user, tid, secret)


@context.function
def initiator_name() -> str:
    """Return this host's iSCSI name as an initiator, which only root knows.

    :raises LayerError: its file cannot be read.
    """
    with _named(str(node_record.NAME)):
        return node_record.initiator()


@context.function
def write_node_record(
    iqn: str, portal: str, *, values: Mapping[str, str]
) -> int:
    """Write values into open-iscsi's records, past its command line.

    :param values: by the names in the record.
    :returns: the number of records.
    :raises LayerError: a record cannot be written, or may not.
    """
    words.check_record(iqn, portal, values)
    with _named(f"the records of {iqn}"):
        return node_record.write(iqn, portal, values)


@context.function
def stop_connection(session: int) -> None:
    """Stop the failed connection of a session with a store.

    :param session: N of ``/sys/class/iscsi_session/sessionN``.
    :raises LayerError: it is another session, or the kernel refuses.
    """
    folder = sysfs.SYS / "class/iscsi_session" / f"session{int(session)}"
    target = sysfs.read(folder / "targetname") or ""
    if names.parse_store_iqn(target) is None:
        raise LayerError(f"iSCSI session {session} is not the agent's to stop")
    iscsi_netlink.stop(session)


@context.function
def tell_scsi(path: str, text: str) -> None:
    """Write to an attribute of the SCSI layer's: a scan, or a disk's end.

    :raises LayerError: it is another file or text, or the kernel says no.
    """
    if not _TOLD.fullmatch(path):
        raise LayerError(f"{path} is not for the agent to write to")
    words.require(f"the text for {path}", text, _TEXT)
    with _named(path):
        Path(path).write_text(text)


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Put a name before an error: the helper's answer drops OSError's."""
    try:
        yield
    except OSError as error:
        raise LayerError(f"{name}: {error.strerror}") from error
