"""Servers on loopback that answer exactly what a test says, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

Handler = Callable[["Peer"], Awaitable[None]]


@dataclass
class Peer:
    """One connection, as the server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> bytes:
        """The head of the next request."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    def reset(self) -> None:
        """End the connection with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Loopback:
    """A running server."""

    port: int
    scheme: str = "http"
    connections: int = 0

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@contextlib.asynccontextmanager
async def serve(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    """Serve *handler*, once a connection; connections still open at the end are aborted."""
    tasks: set[asyncio.Task[None]] = set()
    state = Loopback(0, "https" if tls else "http")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        state.connections += 1
        gone = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        try:
            with contextlib.suppress(*gone):
                await handler(Peer(reader, writer))
        finally:
            tasks.discard(task)
            writer.close()
            with contextlib.suppress(Exception):
                await writer.wait_closed()

    # Half-closed TLS would otherwise be waited for, 30 seconds long.
    limits = {} if tls is None else {"ssl_shutdown_timeout": 0.1}
    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, **limits)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def answering(*parts: bytes, seen: list[bytes] | None = None) -> Handler:
    """A handler that answers every request without a body with *parts*."""

    async def handler(peer: Peer) -> None:
        while True:
            head = await peer.head()
            if seen is not None:
                seen.append(head)
            await peer.send(*parts)

    return handler


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
