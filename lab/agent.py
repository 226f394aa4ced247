# SPDX-License-Identifier: Apache-2.0
"""Talk to the QEMU guest agent of a node.

The agent listens on a virtio-serial port, which QEMU shows as a Unix
socket, so it answers when the node's network is cut.  The protocol is
https://www.qemu.org/docs/master/interop/qemu-ga-ref.html.
"""

import contextlib
import fcntl
import itertools
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.errors import LabError, NodeDown

_sync_ids = itertools.count(time.time_ns() & 0xFFFFFFFF)


class Agent:
    """The agent behind the socket ``ga.sock`` of a node's folder.

    QEMU serves one client of a port at a time.  So each request is a short
    connection of its own under a file lock, and any number of threads and
    processes may ask.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ask(self, verb: str, *, timeout: float = 20, **words: Any) -> Any:
        """Send one request and return its answer.

        Raises NodeDown when there is no answer in ``timeout`` seconds, and
        LabError when the agent refuses.
        """
        limit = time.monotonic() + timeout
        request = {"execute": verb, "arguments": words}
        with self._connection(limit) as line:
            line.sync()
            line.send(request)
            answer = line.receive()
        if "error" in answer:
            raise LabError(f"{verb}: {answer['error'].get('desc', answer)}")
        return answer["return"]

    @contextlib.contextmanager
    def _connection(self, limit: float) -> Iterator["_Line"]:
        # Through /proc, for the path of a Unix socket has 108 bytes only.
        try:
            folder = os.open(self.folder, os.O_PATH)
        except FileNotFoundError as error:
            raise NodeDown(f"{self.folder}: no such node") from error
        try:
            with (
                _locked(self.folder / "ga.lock", limit),
                socket.socket(socket.AF_UNIX) as sock,
            ):
                sock.connect(f"/proc/self/fd/{folder}/ga.sock")
                yield _Line(sock, limit)
        except OSError as error:
            name = self.folder.name
            raise NodeDown(f"node {name} does not answer: {error}") from error
        finally:
            os.close(folder)


class _Line:
    """One connection, on which answers left from an earlier one may come."""

    def __init__(self, sock: socket.socket, limit: float) -> None:
        self.sock, self.limit, self.rest = sock, limit, b""

    def sync(self) -> None:
        """Skip whatever the agent still had to say to somebody else."""
        mine = next(_sync_ids)
        # 0xff makes the agent drop a half-read request.
        self.sock.sendall(b"\xff")
        self.send({"execute": "guest-sync", "arguments": {"id": mine}})
        while self.receive().get("return") != mine:
            pass

    def send(self, message: dict[str, Any]) -> None:
        self.sock.settimeout(max(0.01, self.limit - time.monotonic()))
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any]:
        while b"\n" not in self.rest:
            self.sock.settimeout(max(0.01, self.limit - time.monotonic()))
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionResetError("the line was closed")
            self.rest += more
        first, _, self.rest = self.rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(first.lstrip(b"\xff") or b"{}")
        return answer


@contextlib.contextmanager
def _locked(path: Path, limit: float) -> Iterator[None]:
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > limit:
                    raise TimeoutError("another request holds it") from None
                time.sleep(0.002)
        yield
