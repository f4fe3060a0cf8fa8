"""A client whose requests the loggers of httpx and httpcore do not tell of (security rule 3.12).

They write whole URLs at INFO, header fields and broken answers at DEBUG. Records of other clients
in the same process pass unchanged.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any, cast

import httpx

LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)

_ours: ContextVar[bool] = ContextVar("msidweb_quiet", default=False)


class QuietClient(httpx.AsyncClient):
    """httpx's client, silent below WARNING; events of msidweb tell what happened instead."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name in LOGGERS:
            logging.getLogger(name).addFilter(_may_be_told)

    async def send(self, request: httpx.Request, **settings: Any) -> httpx.Response:
        """Send *request* as httpx does."""
        with _quiet():
            response = await super().send(request, **settings)
        if not response.is_closed:
            response.stream = _QuietStream(cast("httpx.AsyncByteStream", response.stream))
        return response


class _QuietStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._stream)
        while True:
            # Never across the yield, where the reader's own context would be quiet too.
            with _quiet():
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk

    async def aclose(self) -> None:
        with _quiet():
            await self._stream.aclose()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def _may_be_told(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not _ours.get()
