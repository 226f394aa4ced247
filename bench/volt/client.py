# SPDX-License-Identifier: Apache-2.0
"""A client that costs little: HTTP over raw asyncio, keep-alive.

It shares the machine with the server that it measures; a client library
would use more CPU than volt.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any

from bench.volt.connection import Connection
from bench.volt.meter import CPU, Burst, Meter
from bench.volt.requests import Ask, Reply

PATIENCE = 300
"""Seconds after which answers are not waited for any more."""
AT_ONCE = 200
"""Connections opened at the same time when many are wanted."""


class Client:
    """Sends requests to one volt-api on this host."""

    def __init__(self, port: int, token: str, cpu: CPU) -> None:
        self._port = port
        self._token = token
        self._cpu = cpu

    def ask(self, asks: Sequence[Ask], connections: int) -> Burst:
        """Send requests; as many at the same time as there are connections."""
        return _run(self._share(asks, connections))

    def at_once(self, asks: Sequence[Ask]) -> Burst:
        """Send each request over a connection of its own, all at once."""
        return _run(self._storm(asks))

    def paced(
        self, asks: Sequence[Ask], rate: float, connections: int
    ) -> Burst:
        """Send requests at a rate, in turn over connections that stay open."""
        return _run(self._pace(asks, rate, connections))

    async def _share(self, asks: Sequence[Ask], connections: int) -> Burst:
        opened = await self._open(connections)
        waiting = iter(self._encoded(asks))
        meter = Meter(self._cpu)
        done = await asyncio.gather(
            *(_work(connection, waiting) for connection in opened)
        )
        burst = meter.stop(list(itertools.chain(*done)))
        _close(opened)
        return burst

    async def _storm(self, asks: Sequence[Ask]) -> Burst:
        opened = []

        async def send(ask: Ask, raw: bytes) -> Reply:
            opened.append(await self._connect())
            return await _timed(opened[-1], ask, raw)

        encoded = self._encoded(asks)
        meter = Meter(self._cpu)
        replies = await asyncio.gather(*(send(*each) for each in encoded))
        burst = meter.stop(replies)
        _close(opened)
        return burst

    async def _pace(
        self, asks: Sequence[Ask], rate: float, connections: int
    ) -> Burst:
        opened = await self._open(connections)
        encoded = self._encoded(asks)
        # The last one is answered when all have been accepted.
        await opened[-1].ask(encoded[0][1])
        turns = itertools.cycle(opened)
        meter, began = Meter(self._cpu), time.perf_counter()
        sent = []
        for number, each in enumerate(encoded):
            early = began + number / rate - time.perf_counter()
            await asyncio.sleep(max(0.0, early))
            sent.append(asyncio.ensure_future(_timed(next(turns), *each)))
        burst = meter.stop(await asyncio.gather(*sent))
        _close(opened)
        return burst

    async def _open(self, connections: int) -> list[Connection]:
        opened: list[Connection] = []
        while len(opened) < connections:
            more = min(AT_ONCE, connections - len(opened))
            opened += await asyncio.gather(
                *(self._connect() for _ in range(more))
            )
        return opened

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            Connection, "127.0.0.1", self._port
        )
        return connection

    def _encoded(self, asks: Iterable[Ask]) -> list[tuple[Ask, bytes]]:
        """Return requests with their bytes, made before the clock runs."""
        return [(ask, self._encode(ask)) for ask in asks]

    def _encode(self, ask: Ask) -> bytes:
        head = (
            f"{ask.method} {ask.path} HTTP/1.1\r\nHost: volt\r\n"
            f"X-Auth-Token: {self._token}\r\n"
            f"Content-Length: {len(ask.raw)}\r\n\r\n"
        )
        return head.encode() + ask.raw


def _run(work: Coroutine[Any, Any, Burst]) -> Burst:
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


async def _work(
    connection: Connection, waiting: Iterator[tuple[Ask, bytes]]
) -> list[Reply]:
    return [await _timed(connection, *each) for each in waiting]


async def _timed(connection: Connection, ask: Ask, raw: bytes) -> Reply:
    began = time.perf_counter()
    status, body = await connection.ask(raw)
    return Reply(ask, status, body, time.perf_counter() - began)


def _close(connections: Iterable[Connection]) -> None:
    for connection in connections:
        connection.close()
