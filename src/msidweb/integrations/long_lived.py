"""Connections that outlive their caller's token: they end when it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import TypeVar, cast

from msidweb.errors import ExpiredTokenError
from msidweb.kinds import check_kind
from msidweb.principal import Principal

from .web import WebIdentity

T = TypeVar("T")

_LONGEST_NAP = 30.0
"""Seconds: the machine may sleep, and its clock be set, without the loop's timers noticing."""


def still_valid(identity: WebIdentity, principal: Principal) -> bool:
    """Whether the token of *principal* would be accepted now, as far as time goes (C3).

    Raises:
        InvalidCallError: *principal* is none, or of a scheme that *identity* does not have.
    """
    return _seconds_left(identity, principal) > 0


@contextlib.asynccontextmanager
async def until_expiry(identity: WebIdentity, principal: Principal) -> AsyncIterator[None]:
    """A block that is cancelled, and ends in an error, when the token of *principal* ends.

    For WebSockets: the error closes them with 1008. .NET: CloseOnAuthenticationExpiration.

    Raises:
        ExpiredTokenError: The token has ended.
        InvalidCallError: As :func:`still_valid`.
    """
    if not still_valid(identity, principal):
        raise _expired()
    loop = asyncio.get_running_loop()
    timer: asyncio.Handle
    try:
        async with asyncio.timeout(None) as limit:

            def look() -> None:
                nonlocal timer
                left = _seconds_left(identity, principal)
                if left > 0:
                    timer = loop.call_later(min(left, _LONGEST_NAP), look)
                else:
                    limit.reschedule(loop.time())

            timer = loop.call_soon(look)
            try:
                yield
            finally:
                timer.cancel()
    except TimeoutError:
        if limit.expired():
            raise _expired() from None
        raise


async def while_valid(
    identity: WebIdentity, principal: Principal, items: AsyncIterable[T]
) -> AsyncGenerator[T, None]:
    """The *items*, until they end or the token of *principal* does; looks before each, and waiting.

    For server-sent events and other streams, which end with it: the browser connects again, and
    is refused unless it has a new token.

    Raises:
        InvalidCallError: As :func:`still_valid`.
    """
    source = aiter(items)
    end = object()
    try:
        while True:
            try:
                async with until_expiry(identity, principal):
                    item = await anext(source, end)
            except ExpiredTokenError:
                if still_valid(identity, principal):
                    raise
                return
            if item is end or not still_valid(identity, principal):
                return
            yield cast("T", item)
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


def _seconds_left(identity: WebIdentity, principal: Principal) -> float:
    check_kind("principal", principal, Principal)
    return identity.scheme(principal.scheme).token_validator.seconds_left(principal)


def _expired() -> ExpiredTokenError:
    return ExpiredTokenError("The token ended while its connection was open.", rule="C3")
