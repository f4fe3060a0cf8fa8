"""Named HTTP clients: one httpx client for each name and event loop, made at first use."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Mapping
from http.cookiejar import Cookie, CookieJar
from importlib import metadata
from typing import Protocol
from weakref import WeakSet

import httpx

from msidweb.concurrency import forget_in_children, leave_to_parent
from msidweb.configuration.options import ENTRA_CLIENT, HttpClientOptions
from msidweb.errors import InvalidCallError
from msidweb.telemetry import ApiOpenedLate, Telemetry, TransportChosen

from .quiet import QuietClient
from .tls import TlsContexts
from .transports import choose_transport, make_transport

ENTRA_DEFAULTS: Mapping[str, float] = {"connect_timeout": 2.0, "timeout": 10.0}
"""What the client "Entra" takes where nothing was configured; seconds, for one attempt."""


class Clients(Protocol):
    """Hands out HTTP clients by name."""

    def client(self, name: str) -> httpx.AsyncClient:
        """The client called *name*."""


class HttpClients:
    """Hands out httpx clients by name; names without options get default ones.

    Nothing is opened before the first request. A client belongs to the loop it was asked for on;
    ``aclose`` closes those of the running loop, which gets new ones only after ``open``: what was
    under way then would otherwise open connections that nobody closes. They follow no redirect,
    keep no cookie, and read neither proxies nor netrc of the environment.

    Args:
        options: Options by name.
        telemetry: Hears which transport each client got.
    """

    def __init__(self, options: Mapping[str, HttpClientOptions], *, telemetry: Telemetry) -> None:
        self._options = {**options, ENTRA_CLIENT: _entra_options(options.get(ENTRA_CLIENT))}
        self._telemetry = telemetry
        self._tls = TlsContexts()
        self._opened = False
        self._clients: dict[asyncio.AbstractEventLoop, dict[str, httpx.AsyncClient]] = {}
        self._closed: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        forget_in_children(self)

    def forget_parent(self) -> None:
        """Leave the parent's connections to the parent."""
        leave_to_parent(self._clients)
        self._clients = {}
        self._closed = WeakSet()
        self._opened = False

    def open(self) -> None:
        """Note that the owner opened; using a client before is reported once."""
        self._opened = True
        with contextlib.suppress(RuntimeError):
            self._closed.discard(asyncio.get_running_loop())

    def options(self, name: str) -> HttpClientOptions:
        """The options of the client *name*."""
        return self._options.get(name) or _DEFAULTS

    def client(self, name: str) -> httpx.AsyncClient:
        """The client *name* of the running loop.

        Raises:
            InvalidCallError: No loop runs, the clients of this one were closed, or the client's
                options cannot be met.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise InvalidCallError(
                "An HTTP client is asked for outside of an event loop."
            ) from None
        clients = self._clients.get(loop)
        if clients is None and loop in self._closed:
            raise InvalidCallError("The HTTP clients were closed.", code="closed")
        if clients is None:
            clients = self._clients[loop] = {}
            self._forget_closed_loops()
        known = clients.get(name)
        if known is None:
            known = clients[name] = self._make(name)
        return known

    async def aclose(self) -> None:
        """Close the clients of the running loop."""
        loop = asyncio.get_running_loop()
        self._closed.add(loop)
        clients = self._clients.pop(loop, {})
        self._opened = bool(self._clients)
        async with contextlib.AsyncExitStack() as closing:
            for client in clients.values():
                closing.push_async_callback(client.aclose)

    def _forget_closed_loops(self) -> None:
        # Weak keys would not do: a client's connections hold the loop that they belong to.
        for loop in [loop for loop in tuple(self._clients) if loop.is_closed()]:
            self._clients.pop(loop, None)

    def _make(self, name: str) -> httpx.AsyncClient:
        if not self._opened:
            self._opened = True
            self._telemetry.emit(ApiOpenedLate())
        options = self.options(name)
        chosen = choose_transport(name, options)
        self._telemetry.emit(TransportChosen(client=name, transport=chosen))
        return _Client(
            transport=make_transport(chosen, options, self._tls),
            headers={"User-Agent": _user_agent(), "Accept-Encoding": "gzip, deflate"},
            timeout=_timeouts(options),
            follow_redirects=False,
            trust_env=False,
        )


_DEFAULTS = HttpClientOptions()


def _entra_options(given: HttpClientOptions | None) -> HttpClientOptions:
    chosen = given or _DEFAULTS
    absent = ENTRA_DEFAULTS.keys() - chosen.model_fields_set
    return chosen.model_copy(update={name: ENTRA_DEFAULTS[name] for name in absent})


def _timeouts(options: HttpClientOptions) -> httpx.Timeout:
    # The deadline of a whole call is its caller's; no phase of it can usefully last longer.
    whole = options.timeout
    return httpx.Timeout(
        connect=options.connect_timeout,
        read=whole if options.read_timeout is None else options.read_timeout,
        write=whole if options.write_timeout is None else options.write_timeout,
        pool=options.pool_timeout,
    )


@functools.cache
def _user_agent() -> str:
    return f"msidweb/{metadata.version('msidweb')}"


class _EmptyJar(CookieJar):
    """Stores nothing: one user's cookies never travel with another's call."""

    def set_cookie(self, cookie: Cookie) -> None:
        pass


class _NoCookies(httpx.Cookies):
    """Does not even look for cookies in an answer, which costs half as much as sending it."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


_NO_COOKIES = _NoCookies(_EmptyJar())


class _Client(QuietClient):
    # httpx puts a jar of its own around what is passed in, and asks it at every answer.
    @property
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        pass
