# SPDX-License-Identifier: Apache-2.0
"""The agent of any host, through a broker: typed calls.

``RemoteAgent('rabbit://USER:PASSWORD@HOST/', 'node3').create(...)`` asks the
door that virtman-server(8) describes under BROKER.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from virtmanclient.doors import broker, verbs
from virtmanclient.doors.verbs import TIMEOUT
from virtmanclient.exceptions import (
    AnswerTimeout,
    ClientError,
    CommunicationError,
    InvalidEndpoint,
    InvalidRequest,
    ServerFault,
)

MONITOR = 10
"""Seconds without a sign of life until an agent at work is given up; it sends
one in half of that (RPCDispatcher._watchdog of oslo.messaging)."""
RETRIES = 2
"""How often a broker without a connection is tried again."""
GRACE = 5.0
"""Seconds for connections to close."""
# Seconds that stand for "for ever"; AMQP counts milliseconds in 32 bits.
_LONGEST = 30 * 24 * 3600.0
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_OTHER_VERSION = ("NoSuchMethod", "UnsupportedVersion")


class RemoteAgent(verbs.Verbs):
    """The verbs of the agent of a host.

    :param url: ``rabbit://USER:PASSWORD@HOST:PORT/VHOST?OPTION=VALUE``
    :param host: the agent's option ``host``
    :param timeout: seconds to wait for an answer, None for ever; an agent
        that dies meanwhile is noticed after ``MONITOR`` seconds
    :raises InvalidEndpoint: the URL or the host is not usable
    :raises MissingPackage: oslo.messaging is not installed
    """

    def __init__(
        self, url: str, host: str | None, timeout: float | None = TIMEOUT
    ) -> None:
        if not host or not _HOST.fullmatch(host):
            raise InvalidEndpoint(
                f"{host!r:.80} is not a host; name the host of the agent by "
                "the agent's option host"
            )
        self.host = host
        self._library = broker.library()
        self._transport = broker.transport(url)
        self._client = self._library.get_rpc_client(
            self._transport,
            broker.called(host),
            timeout=timeout or _LONGEST,
            call_monitor_timeout=MONITOR,
            retry=RETRIES,
            transport_options=self._library.TransportOptions(
                at_least_once=True
            ),
        )
        self._connected = False

    def close(self) -> None:
        """Close the connections, without a wait for a broker that is away.

        The library would wait for ever, so it does so in a thread.
        """
        closer = threading.Thread(target=self._transport.cleanup, daemon=True)
        closer.start()
        closer.join(GRACE)

    def _call(self, verb: str, **arguments: object) -> Any:
        try:
            self._connect()
            answer = self._client.call({}, verb, **arguments)
        except Exception as error:
            raise self._reason(error) from error
        if not isinstance(answer, dict):
            raise ServerFault(
                f"{self.host}: the answer is not one of an agent; is its "
                "version that of this client?"
            )
        return verbs.result(answer)

    def _connect(self) -> None:
        """See that the broker is there, and an agent that listens.

        The first call connects to read the answer, and would try for ever
        (AMQPDriverBase._get_reply_q has no number of retries).  A cast only
        writes, and tries as often as RETRIES says.
        """
        if not self._connected:
            self._client.cast({}, "working")
            self._connected = True

    def _reason(self, error: Exception) -> ClientError:
        """Return the error that an exception of oslo.messaging means."""
        where, library = self.host, self._library
        if isinstance(error, library.MessagingTimeout):
            return AnswerTimeout(
                f"{where}: no answer, or no sign of life in {MONITOR} s; the "
                "agent may have died, or still be at work: list what it has "
                "before you try again"
            )
        if isinstance(error, library.MessageUndeliverable) or _no_exchange(
            error
        ):
            return CommunicationError(
                f"{where}: no agent of that host listens at the broker; does "
                "virtman-server run there, with transport_url, and is its "
                "option host the same?"
            )
        if isinstance(error, library.RemoteError):
            return self._remote(error)
        return CommunicationError(
            f"{where}: the broker cannot be used: {error}; does it run, may "
            "the user log in, and does the virtual host exist?"
        )

    def _remote(self, error: Any) -> ClientError:
        """Return the error that an exception of the agent means."""
        if error.exc_type in _OTHER_VERSION:
            return InvalidRequest(
                f"{self.host}: {error.value}; the agent there is of another "
                "version than this client"
            )
        return ServerFault(
            f"{self.host}: the agent failed: {error.exc_type}: {error.value}; "
            "its log has the reason"
        )


def _no_exchange(error: Exception) -> bool:
    """Tell whether an error says that the exchange is gone.

    The exchange goes with the last agent, and a connection that has seen it
    takes it to be there still.
    """
    return f"no exchange '{broker.EXCHANGE}'" in str(error)
