# SPDX-License-Identifier: Apache-2.0
"""Stops a failed iSCSI connection in the kernel, as iscsid should have.

iscsid (open-iscsi 2.1.8) may lose a session for good: when the target closes
a connection while a login begins, the kernel waits for ``STOP_CONN``
(``ISCSI_CLS_CONN_BIT_CLEANUP`` in ``drivers/scsi/scsi_transport_iscsi.c``),
which iscsid does not send then, and every new connection is refused with
ENOTCONN, for ever (open-iscsi issue 387).  The message releases it, and
iscsid's next try, two seconds later, succeeds.

It is ``struct iscsi_uevent`` of ``iscsi_if.h`` behind a netlink header: 56
bytes on the wire with Debian's 6.1, as iscsid was seen to send them.

No library: pyroute2 knows no iSCSI messages, and its import takes 200 ms of
each helper's start.
"""

from __future__ import annotations

import os
import socket
import struct

from virtman import sysfs
from virtman.exception import LayerError

_NETLINK_ISCSI = 8
_STOP_CONN, _RECOVER = 18, 3
# length, type, flags, sequence, port.
_HEADER = struct.Struct("=IHHII")
# type, iferror, transport; session, connection, handle, flag; the answer.
_EVENT = struct.Struct("=IiQIIQI4xi12x")
_DEADLINE = 10.0


def stop(session: int) -> None:
    """Stop the one connection of a session, so that it can be made anew.

    :param session: N of ``/sys/class/iscsi_session/sessionN``.
    :raises LayerError: the kernel refuses, or there is no iSCSI over TCP.
    """
    request = message(session, _transport())
    kind, protocol = socket.SOCK_RAW, _NETLINK_ISCSI
    try:
        with socket.socket(socket.AF_NETLINK, kind, protocol) as kernel:
            kernel.settimeout(_DEADLINE)
            kernel.bind((0, 0))
            kernel.send(request)
            answer = kernel.recv(4096)
    except OSError as error:
        raise LayerError(
            f"iSCSI session {session}: its connection cannot be stopped: "
            f"{error.strerror or error}"
        ) from error
    code = answered(answer)
    if code:
        raise LayerError(
            f"iSCSI session {session}: its connection cannot be stopped: "
            f"{os.strerror(-code)}"
        )


def message(session: int, transport: int) -> bytes:
    """Return the request to the kernel as bytes."""
    event = _EVENT.pack(_STOP_CONN, 0, transport, session, 0, 0, _RECOVER, 0)
    size = _HEADER.size + len(event)
    return _HEADER.pack(size, _STOP_CONN, 0, 0, os.getpid()) + event


def answered(data: bytes) -> int:
    """Return the error in the kernel's answer, negative; 0 of none."""
    try:
        event = _EVENT.unpack_from(data, _HEADER.size)
    except struct.error:
        raise LayerError("the kernel's answer is too short") from None
    return int(event[1] or event[-1])


def _transport() -> int:
    handle = sysfs.read(sysfs.SYS / "class/iscsi_transport/tcp/handle")
    if not handle:
        raise LayerError("the kernel lacks iSCSI over TCP: modprobe iscsi_tcp")
    return int(handle)
