# SPDX-License-Identifier: Apache-2.0
"""tgtd as an ordinary user's process on the loopback, and one to log in.

Nothing of the host's own tgtd is touched: socket, control port and portal are
this one's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import subprocess
import time

from virtman.drivers import iscsi

DEADLINE = 30
# The one that the agent speaks to; the socket is of a folder of its own.
CONTROL = "0"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """One tgtd; ``TGT_IPC_SOCKET`` tells it and tgtadm where to meet."""

    def __init__(self, folder):
        self.port = free_port()
        self.log = folder / "log"
        self.environment = {"TGT_IPC_SOCKET": str(folder / "socket")}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["tgtd", "-f", "-C", CONTROL, "--iscsi",
                 f"portal=127.0.0.1:{self.port}"],
                stdout=log, stderr=log,
                env=os.environ | self.environment,
            )  # fmt: skip
        self._wait()

    def _wait(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and self._process.poll() is None:
            if self.says("--mode", "system", "--op", "show") is not None:
                return
            time.sleep(0.02)
        raise AssertionError(f"tgtd does not answer:\n{self.log.read_text()}")

    def says(self, *words):
        """Return what tgtadm prints, None when it fails."""
        done = subprocess.run(
            ["tgtadm", "-C", CONTROL, "--lld", "iscsi", *words],
            env=os.environ | self.environment,
            capture_output=True, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        return None if done.returncode else done.stdout

    def end(self):
        self._process.kill()
        self._process.wait(DEADLINE)


def wait_until_free(iqn):
    """Wait until a target has no session any more."""
    end = time.monotonic() + DEADLINE
    while iscsi.find(iqn).initiators:
        assert time.monotonic() < end, "the session does not end"
        time.sleep(0.01)


@contextlib.contextmanager
def login(port, iqn, initiator):
    """Log in to a target and stay; RFC 7143, sections 11.12 and 13."""
    keys = {
        "InitiatorName": initiator, "TargetName": iqn, "SessionType": "Normal",
        "AuthMethod": "None", "HeaderDigest": "None", "DataDigest": "None",
    }  # fmt: skip
    text = "".join(f"{key}={keys[key]}\0" for key in keys).encode()
    header = struct.pack(
        ">BBH B3s 6sH I HH II 16x",
        0x43,  # login request, immediate
        0x87,  # transit: from operational negotiation to full feature
        0, 0, len(text).to_bytes(3, "big"),
        b"\x80\0\0\0\0\1", 0, 1, 0, 0, 1, 0,
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
        connection.sendall(header + text + bytes(-len(text) % 4))
        answer = connection.recv(48, socket.MSG_WAITALL)
        assert answer[0] & 0x3F == 0x23, answer
        yield int.from_bytes(answer[36:38], "big")


def try_login(port, iqn, initiator, user="", secret=""):
    """Log in by CHAP (RFC 7143, 12.1.3) and out; return status class, detail.

    Without a user it is said that there is nothing to show.
    """
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
        first = {
            "InitiatorName": initiator, "TargetName": iqn,
            "SessionType": "Normal",
            "AuthMethod": "CHAP" if user else "None",
        }  # fmt: skip
        status, _ = _exchange(connection, 0x81, first)
        if status != (0, 0) or not user:
            return status
        status, challenge_fields = _exchange(connection, 0x00, {"CHAP_A": "5"})
        if status != (0, 0):
            return status
        challenge = bytes.fromhex(challenge_fields["CHAP_C"][2:])
        number = bytes([int(challenge_fields["CHAP_I"])])
        answer = hashlib.md5(number + secret.encode() + challenge)
        reply = {"CHAP_N": user, "CHAP_R": f"0x{answer.hexdigest()}"}
        status, _ = _exchange(connection, 0x81, reply)
        return status


def _exchange(connection, flags, keys):
    """Send a login request in the security stage; return what is said."""
    text = "".join(f"{key}={keys[key]}\0" for key in keys).encode()
    header = struct.pack(
        ">BBH B3s 6sH I HH II 16x",
        0x43, flags, 0, 0, len(text).to_bytes(3, "big"),
        b"\x80\0\0\0\0\1", 0, 1, 0, 0, 1, 0,
    )  # fmt: skip
    connection.sendall(header + text + bytes(-len(text) % 4))
    answer = connection.recv(48, socket.MSG_WAITALL)
    size = int.from_bytes(answer[5:8], "big")
    size += -size % 4
    payload = connection.recv(size, socket.MSG_WAITALL) if size else b""
    pairs = (pair.partition("=") for pair in payload.decode().split("\0"))
    return (answer[36], answer[37]), {key: rest for key, _, rest in pairs}
