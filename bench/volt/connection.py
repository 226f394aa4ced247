# SPDX-License-Identifier: Apache-2.0
"""One keep-alive connection, and as much of HTTP as volt's answers need."""

from __future__ import annotations

import asyncio


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to the server."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand the waiting caller its answer once it is whole."""
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head) and self._answer:
            self._buffer = b""
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        """Hand the waiting caller the loss of the connection."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(
                error or ConnectionError("volt closed the connection")
            )

    async def ask(self, raw: bytes) -> tuple[int, bytes]:
        """Return status and body; the one before has been answered."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


def _length(head: bytes) -> int:
    """Return the value of the header Content-Length."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ConnectionError(f"an answer without a length: {head!r}")
