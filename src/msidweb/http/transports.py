"""Which transport a client gets, and how it is made from the client's options."""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal, TypeAlias

import httpx

from msidweb.configuration.options import HttpClientOptions
from msidweb.errors import InvalidCallError
from msidweb.kinds import refused

from .httpx_transport import HttpxTransport
from .pool import PooledTransport
from .tls import TlsContexts

TransportName: TypeAlias = Literal["aiohttp", "httpx", "custom"]


def choose_transport(name: str, options: HttpClientOptions) -> TransportName:
    """The transport that the client *name* gets; ``auto`` takes aiohttp where it is installed.

    Raises:
        InvalidCallError: The options name none, one that is not installed, or a proxy that is
            not http or https.
    """
    for check in _CHECKS.values():
        check(name, options)
    if isinstance(options.transport, httpx.AsyncBaseTransport):
        return "custom"
    if options.transport == "httpx":
        return "httpx"
    if importlib.util.find_spec("aiohttp") is not None:
        return "aiohttp"
    if options.transport == "aiohttp":
        raise InvalidCallError(
            f"HTTP client '{name}': aiohttp is not installed.",
            remedy="pip install 'msidweb[aiohttp]', or leave the transport at 'auto'",
        )
    return "httpx"


def objections(name: str, options: HttpClientOptions) -> Iterator[tuple[str, InvalidCallError]]:
    """Each option that no transport can be made of, by its .NET name, and why."""
    return refused((option, partial(check, name, options)) for option, check in _CHECKS.items())


def _check_transport(name: str, options: HttpClientOptions) -> None:
    given = options.transport
    named = isinstance(given, str) and given in {"auto", "aiohttp", "httpx"}
    if not named and not isinstance(given, httpx.AsyncBaseTransport):
        raise InvalidCallError(f"HTTP client '{name}': there is no such transport.")


def _check_proxy(name: str, options: HttpClientOptions) -> None:
    if options.proxy is None or isinstance(options.transport, httpx.AsyncBaseTransport):
        return
    try:
        url = httpx.URL(options.proxy.get_secret_value())
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidCallError(f"HTTP client '{name}': the proxy is not an http or https URL.")


_CHECKS: Mapping[str, Callable[[str, HttpClientOptions], None]] = {
    "Transport": _check_transport,
    "Proxy": _check_proxy,
}


def make_transport(
    chosen: TransportName, options: HttpClientOptions, contexts: TlsContexts
) -> httpx.AsyncBaseTransport:
    """The transport *chosen*; it opens at its first request.

    One that the user made is used and never closed: who makes a transport closes it.
    """
    if isinstance(options.transport, httpx.AsyncBaseTransport):
        return _Borrowed(options.transport)

    async def open_() -> httpx.AsyncBaseTransport:
        tls = await contexts.get(options)
        return _over_aiohttp(options, tls) if chosen == "aiohttp" else _over_httpx(options, tls)

    return PooledTransport(open_, limit=options.max_connections)


def _over_aiohttp(options: HttpClientOptions, tls: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    from .aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - aiohttp is optional

    keep = options.max_keepalive_connections > 0
    return AiohttpTransport(
        tls=tls,
        proxy=None if options.proxy is None else options.proxy.get_secret_value(),
        keepalive_expiry=options.keepalive_expiry if keep else 0,
    )


def _over_httpx(options: HttpClientOptions, tls: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    return HttpxTransport(
        verify=tls,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=options.max_connections,
            max_keepalive_connections=options.max_keepalive_connections,
            keepalive_expiry=options.keepalive_expiry,
        ),
        proxy=None if options.proxy is None else _proxy(options.proxy.get_secret_value(), tls),
    )


def _proxy(url: str, tls: ssl.SSLContext) -> httpx.Proxy:
    return httpx.Proxy(url, ssl_context=tls if httpx.URL(url).scheme == "https" else None)


class _Borrowed(httpx.AsyncBaseTransport):
    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)
