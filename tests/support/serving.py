"""A real server on loopback, in the test's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from starlette.types import ASGIApp


@contextlib.asynccontextmanager
async def served(app: ASGIApp, *, ws: str = "none") -> AsyncIterator[tuple[str, int]]:
    """Yields host and port under which uvicorn serves *app*."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, http="h11", lifespan="off", log_config=None, ws=ws)
        )
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.001)
        try:
            yield listener.getsockname()[:2]
        finally:
            server.should_exit = True
            await task
