# SPDX-License-Identifier: Apache-2.0
"""Presents this node's tickets at the ticket doors of its sources' agents.

One line of JSON each way: ``{"ticket", "target"}`` and ``{"answer"}``; the
answers are the values of :class:`virtman.model.Verdict`.  The secret
is never sent: the source's agent derives it from the ticket.
"""

from __future__ import annotations

import json
import socket
import threading

from virtman.admission.credentials import Credentials
from virtman.admission.tickets import Ticket
from virtman.exception import NoSource
from virtman.model import Verdict
from virtman.path import Login, Source

# Seconds.  The agent asks tgtd three times; under emulation on a loaded host
# each of them was seen to take a second.
_PATIENCE = 15.0
# Seconds for a host that does not answer at all at that port.
_PROBE = 2.0
# Bytes.  An answer is one short line; a host that sends more is no agent.
_MOST = 4096


class TicketClient:
    """Presents tickets for the connector; any thread may call it.

    :param port: the port of the ticket door, the same for all agents.
    """

    def __init__(self, credentials: Credentials, port: int) -> None:
        self._credentials = credentials
        self._port = port
        self._guard = threading.Lock()
        self._admitted: dict[Source, Login] = {}
        self._late: set[Source] = set()

    def present(self, source: Source) -> Verdict:
        """Show the ticket for a source to the source's agent."""
        ticket = self._credentials.ticket(source)
        if ticket is None:
            return Verdict.NONE
        answer = self._show(source, ticket)
        with self._guard:
            self._late.discard(source)
            if answer is Verdict.LATE:
                self._late.add(source)
            if answer is Verdict.WELCOME:
                self._admitted[source] = ticket.login
            elif answer is Verdict.OPEN:
                self._admitted.pop(source, None)
        return answer

    def login(self, source: Source) -> Login | None:
        """Return the login that a source admitted last, None without one.

        :raises NoSource: the ticket has run out; volt gives new ones.
        """
        with self._guard:
            if source in self._late:
                raise NoSource(f"the ticket for {source} has run out")
            return self._admitted.get(source)

    def _show(self, source: Source, ticket: Ticket) -> Verdict:
        request = json.dumps({"ticket": ticket.text, "target": source.iqn})
        address = (source.host, self._port)
        try:
            with socket.create_connection(address, _PROBE) as channel:
                channel.settimeout(_PATIENCE)
                channel.sendall(f"{request}\n".encode())
                with channel.makefile("rb") as answers:
                    answer = json.loads(answers.readline(_MOST))
            return Verdict(answer["answer"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return Verdict.NONE
