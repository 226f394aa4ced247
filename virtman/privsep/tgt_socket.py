# SPDX-License-Identifier: Apache-2.0
"""Accounts of tgtd, through the socket on which tgtadm speaks to it.

``tgtadm --password`` would show a secret to every user who looks at the list
of processes.  The request is tgt's ``struct tgtadm_req`` (``usr/tgtadm.h``,
120 bytes in 1.0.85, as tgtadm was seen to send it) and ``name=value`` pairs
behind it, the answer ``struct tgtadm_rsp`` and a text.
"""

from __future__ import annotations

import enum
import os
import socket
import struct
from collections.abc import Mapping

from virtman.exception import CommandError

SOCKET = "/var/run/tgtd/socket"
# Seconds.  tgtd answers at once or hangs.
DEADLINE = 30.0
# mode, op, lld; len, tid, sid, lun, cid, host_no, device_type, ac_dir, pack,
# force.
_REQUEST = struct.Struct("=II64sIiQQIIIIII")
_ANSWER = struct.Struct("=II")
_MODE_ACCOUNT = 7


class Op(enum.IntEnum):
    """An operation on an account; the numbers are ``enum tgtadm_op``."""

    NEW = 0
    DELETE = 1
    BIND = 3
    UNBIND = 4


def account(op: Op, user: str, tid: int = 0, secret: str = "") -> None:
    """Make, remove, bind or unbind an account.

    :param tid: the target, for the last two.
    :param secret: for a new one.
    :raises CommandError: tgtd refuses, or does not answer.
    """
    words = {"user": user}
    if op is Op.NEW:
        words["password"] = secret
    command = ["tgtd", "account", op.name.lower(), user, str(tid)]
    try:
        code = _ask(_request(op, tid, words))
    except OSError as error:
        raise CommandError(command, None, "", str(error)) from None
    if code:
        raise CommandError(command, code, "", f"tgtd's error {code}")


def _request(op: Op, tid: int, words: Mapping[str, str]) -> bytes:
    pairs = ",".join(f"{name}={value}" for name, value in words.items())
    text = pairs.encode() + b"\0"
    size = _REQUEST.size + len(text)
    head = _REQUEST.pack(
        _MODE_ACCOUNT, op, b"iscsi", size, tid, 0, 2**64 - 1,
        0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    return head + text


def _ask(request: bytes) -> int:
    """Send a request; return tgtd's error number, 0 for success."""
    base = os.environ.get("TGT_IPC_SOCKET", SOCKET)
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(DEADLINE)
        # Of the daemon whose control port is 0, as for tgtadm.
        channel.connect(f"{base}.0")
        channel.sendall(request)
        answer = channel.recv(_ANSWER.size, socket.MSG_WAITALL)
    if len(answer) < _ANSWER.size:
        raise OSError("tgtd closed its socket")
    code: int = _ANSWER.unpack(answer)[0]
    return code
