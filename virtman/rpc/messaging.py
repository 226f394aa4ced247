# SPDX-License-Identifier: Apache-2.0
"""The door for programs of other hosts: oslo.messaging, through a broker.

It serves :class:`virtman.rpc.endpoint.Endpoint`.

oslo.messaging waits for a broker for ever, and its threads cannot be told to
stop while they do.  So they are daemon threads here, which do not keep the
agent from ending.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from virtman.exception import ConfigError
from virtman.rpc.broker_log import BrokerLogFilter
from virtman.rpc.endpoint import CallCounter, Endpoint
from virtman.rpc.verbs import Verbs
from virtmanclient.doors import broker
from virtmanclient.exceptions import ClientError

LOG = logging.getLogger(__name__)
# Seconds: until the next try where the broker refused; for connections to
# close at the end; the same where there were no connections.
PAUSE, GRACE, NOTHING = 10.0, 5.0, 0.2


@contextlib.contextmanager
def serving(url: str | None, host: str, verbs: Verbs) -> Iterator[Door | None]:
    """Serve the door while the context lasts; then finish calls at work.

    :param url: of the broker, which may be away; None: there is no door.
    :raises ConfigError: it is no URL, or oslo.messaging is not installed.
    """
    if url is None:
        yield None
        return
    try:
        transport = broker.transport(url)
    except ClientError as error:
        raise ConfigError(f"transport_url: {error}") from None
    log_filter = BrokerLogFilter(broker.where(url))
    door = Door(transport, host, verbs, log_filter)
    with log_filter.noticed():
        door.open()
        try:
            yield door
        finally:
            door.close()


class Door:
    """Serves topic ``virtman`` for one host as soon as there is a broker.

    :param transport: of oslo.messaging.
    """

    def __init__(
        self,
        transport: Any,
        host: str,
        verbs: Verbs,
        log_filter: BrokerLogFilter,
    ) -> None:
        self._transport = transport
        self._host = host
        self._log_filter = log_filter
        self._calls = CallCounter()
        self._endpoint = Endpoint(verbs, self._calls)
        self._server: Any = None
        self._ending = threading.Event()
        self._opener = _daemon(self._serve)
        self.opened = threading.Event()
        """Set when the broker has been there once."""
        self.closed = False
        """Whether all threads have ended, which they cannot always."""

    def open(self) -> None:
        """Start the thread that serves the door; return at once."""
        self._opener.start()

    def close(self) -> None:
        """Refuse calls, finish those at work, disconnect if possible."""
        self._ending.set()
        closer = _daemon(self._disconnect)
        closer.start()
        self._calls.finish()
        closer.join(GRACE if self.opened.is_set() else NOTHING)
        self.closed = not closer.is_alive()

    def _serve(self) -> None:
        """Start a server; it looks for the broker by itself from then on."""
        logged = None
        while not self._ending.is_set():
            server = self._new_server()
            try:
                server.start()
            except Exception as error:
                # An error of kombu or amqp: the broker is there and refuses
                # the login.
                if str(error) != logged:
                    LOG.error("the broker refuses transport_url: %s", error)
                logged = str(error)
                self._ending.wait(PAUSE)
            else:
                self._server = server
                self._log_filter.over()
                self.opened.set()
                LOG.info("serving behind the broker as %s", self._host)
                return

    def _new_server(self) -> Any:
        return broker.library().get_rpc_server(
            self._transport, broker.served(self._host), [self._endpoint]
        )

    def _disconnect(self) -> None:
        self._opener.join()
        if self._server is not None:
            self._server.stop()
            self._server.wait()
        self._transport.cleanup()


def _daemon(work: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=work, name="broker-door", daemon=True)
