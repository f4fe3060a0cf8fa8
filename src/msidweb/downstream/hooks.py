"""Functions of the user's that shape a request, and the guard that stands behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import httpx

from msidweb.concurrency import Callback
from msidweb.configuration.options import DownstreamApiOptions
from msidweb.errors import InvalidCallError
from msidweb.http import BaseUrl, DroppedHeader, guard_headers

RequestHook: TypeAlias = Callback[httpx.Request]
"""Takes the request and may change it; sync or async. What it raises passes as it is."""


@dataclass(frozen=True, slots=True)
class RequestHooks:
    """What is called with every request to an API, each kind in the order of its members.

    Attributes:
        before_auth_header: Before a token is asked for. .NET: OnBeforeAuthHeaderCreation.
        after_auth_header: With the Authorization field. .NET: OnAfterAuthHeaderCreation.
        customize: Last of all. .NET: CustomizeHttpRequestMessage.
    """

    before_auth_header: tuple[RequestHook, ...] = ()
    after_auth_header: tuple[RequestHook, ...] = ()
    customize: tuple[RequestHook, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.before_auth_header or self.after_auth_header or self.customize)

    def and_of(
        self, options: DownstreamApiOptions, *, known: DownstreamApiOptions | None = None
    ) -> RequestHooks:
        """These and those of *options*, save the ones that *known* had already."""
        names = ("on_before_auth_header", "on_after_auth_header", "customize_request")
        own = [getattr(options, name) for name in names]
        if known is not None:
            had = [getattr(known, name) for name in names]
            own = [None if hook is old else hook for hook, old in zip(own, had, strict=True)]
        before, after, customize = own
        return RequestHooks(
            self.before_auth_header + ((before,) if before else ()),
            self.after_auth_header + ((after,) if after else ()),
            self.customize + ((customize,) if customize else ()),
        )

    def and_customized(self, hook: RequestHook) -> RequestHooks:
        """These and *hook*, which is called after all others."""
        return replace(self, customize=(*self.customize, hook))


class Guard:
    """Remembers a request before hooks see it, and judges what they made of it (3.B, 3.16).

    Args:
        request: The request as it was prepared.
        base: The root that its URL may not leave.
    """

    def __init__(self, request: httpx.Request, base: BaseUrl) -> None:
        self._method = request.method
        self._url = request.url
        self._base = base
        self._headers = request.headers.copy()

    def authorize(self, value: str) -> None:
        """Note that the request's Authorization field is to be *value*."""
        self._headers["Authorization"] = value

    def check(self, request: httpx.Request) -> tuple[DroppedHeader, ...]:
        """Put reserved header fields back as they were; which ones a hook had changed.

        A request without a token of ours keeps the Authorization field that a hook gave it.

        Raises:
            InvalidCallError: The URL left the API, the verb changed, or a part is malformed.
        """
        if request.method != self._method:
            raise InvalidCallError("A hook changed the verb.", code="customized_method")
        check_target(request)
        try:
            request.url, request.headers = httpx.URL(request.url), httpx.Headers(request.headers)
        except (AttributeError, TypeError, ValueError, httpx.InvalidURL):
            raise _malformed() from None
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise _malformed()
        if request.url != self._url:
            check_below(self._base, request.url)
        return self._restore(request.headers)

    def _restore(self, headers: httpx.Headers) -> tuple[DroppedHeader, ...]:
        before, after = set(self._headers.multi_items()), set(headers.multi_items())
        dropped: list[DroppedHeader] = []
        for name, value in sorted(before ^ after):
            if name == "authorization" and name not in self._headers:
                # Whatever a hook writes, as one line.
                guard_headers({"X-Authorization": value})
                continue
            refused = guard_headers({name: value})[1]
            if refused and name not in {header.name for header in dropped}:
                dropped += refused
                headers.pop(name, None)
                if name in self._headers:
                    headers[name] = self._headers[name]
        return tuple(dropped)


def _malformed() -> InvalidCallError:
    msg = "A hook left a URL, headers or a body that no request can have."
    return InvalidCallError(msg, code="customized_request")


def check_target(request: httpx.Request) -> None:
    """Raise InvalidCallError where *request* would be sent elsewhere than its URL says."""
    if not request.extensions.keys().isdisjoint(("target", "sni_hostname")):
        msg = "The request has a target of its own beside its URL; no token is sent there."
        raise InvalidCallError(msg, code="foreign_url")


def check_below(base: BaseUrl, url: httpx.URL) -> None:
    """Raise InvalidCallError where *url* is not below *base*: a token would reach a stranger."""
    text = str(url)
    rest = text.removeprefix(base.text)
    if not text.startswith(base.text) or rest[:1] not in {"", "/", "?"}:
        msg = "The request would leave the API's base URL; no token is sent there."
        raise InvalidCallError(msg, code="foreign_url")
    base.join(rest)
