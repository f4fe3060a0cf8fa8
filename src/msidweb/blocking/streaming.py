"""Bodies that are read piece by piece, by code that blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import httpx

from msidweb.concurrency import Portal


@contextlib.contextmanager
def streamed(
    portal: Portal, begin: Callable[[], AbstractAsyncContextManager[httpx.Response]]
) -> Iterator[httpx.Response]:
    """The response that *begin* gives, for ``with``; each piece is fetched when it is asked for."""
    portal = portal.staying()
    streaming = begin()
    response = portal.call(streaming.__aenter__)
    try:
        yield _readable(response, portal)
    except BaseException as error:
        if not portal.call(_leaving(streaming, error)):
            raise
    else:
        portal.call(_leaving(streaming, None))


def _leaving(
    streaming: AbstractAsyncContextManager[httpx.Response], error: BaseException | None
) -> Callable[[], Awaitable[bool | None]]:
    if error is None:
        return lambda: streaming.__aexit__(None, None, None)
    return lambda: streaming.__aexit__(type(error), error, error.__traceback__)


def _readable(response: httpx.Response, portal: Portal) -> httpx.Response:
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=_Pieces(response, portal),
        extensions=response.extensions,
        request=response.request,
    )


class _Pieces(httpx.SyncByteStream):
    def __init__(self, response: httpx.Response, portal: Portal) -> None:
        self._pieces = response.aiter_raw()
        self._portal = portal

    def __iter__(self) -> Iterator[bytes]:
        while (piece := self._portal.call(self._next)) is not None:
            yield piece

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)
