# SPDX-License-Identifier: Apache-2.0
"""The door at which readers of this node's targets show their tickets.

It is separate from the XML-RPC door, which may be for this host alone and asks
for the operator's secret: a caller here is another node, and its ticket is
what admits it.  One line of JSON each way: ``{"ticket", "target"}``,
``{"answer"}``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import cast

from virtman import formats
from virtman.admission.server import Admission
from virtman.exception import ConfigError, VirtmanError
from virtman.model import Verdict

LOG = logging.getLogger(__name__)
# Bytes: a ticket with the two longest iSCSI names has fewer.
_MOST = 4096


class _Handler(socketserver.StreamRequestHandler):
    # Seconds a caller may take.
    timeout = 10.0

    def handle(self) -> None:
        """Answer a ticket, one line; a malformed line gets no answer."""
        try:
            asked = json.loads(self.rfile.readline(_MOST))
            ticket, target = asked["ticket"], asked["target"]
            # Any caller's target name is written to the log, so it is
            # checked.
            fits = formats.is_ticket(ticket) and formats.is_iscsi_name(target)
            if not fits:
                raise ValueError("no ticket, or no target's name")
            verdict = cast(AdmissionDoor, self.server).answer(ticket, target)
            line = json.dumps({"answer": verdict.value})
            self.wfile.write(f"{line}\n".encode())
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            LOG.debug(
                "%s sent no ticket that can be read", self.client_address[0]
            )


class AdmissionDoor(socketserver.ThreadingTCPServer):
    """Serves an :class:`Admission`; callers are answered side by side.

    :raises ConfigError: the port cannot be had.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, admission: Admission) -> None:
        self._admission = admission
        self.address_family = (
            socket.AF_INET6 if ":" in host else socket.AF_INET
        )
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise ConfigError(
                f"cannot serve readers on {host}:{port}: {error.strerror}; "
                "host_ip must be an address of this host, admission_port a "
                "free port of it, the same on all nodes"
            ) from error

    def answer(self, ticket: str, target: str) -> Verdict:
        """Return the verdict on a ticket; after a failure ``ABSENT``.

        A reader that gets that tries again.
        """
        try:
            verdict = self._admission.admit(ticket, target)
        except VirtmanError as error:
            LOG.warning("a reader is not admitted to %s: %s", target, error)
            return Verdict.ABSENT
        if verdict is Verdict.REFUSED:
            LOG.warning("a ticket for %s was refused", target)
        return verdict

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        """Serve the door while the context lasts."""
        thread = threading.Thread(
            target=self.serve_forever, args=(0.5,), name="admission"
        )
        with self:
            thread.start()
            try:
                yield
            finally:
                self.shutdown()
                thread.join()
