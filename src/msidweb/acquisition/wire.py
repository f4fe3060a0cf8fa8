"""Sends a written token request: deadlines, one repeat, a cap on how many are under way."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias
from urllib.parse import quote, urlencode

from msidweb.clock import Clock
from msidweb.configuration.options import ENTRA_CLIENT, HttpClientOptions
from msidweb.errors import TokenAcquisitionError
from msidweb.http import Clients, laid_over, retry_after_seconds
from msidweb.http.forms import FormAnswer, Forms

from .msal_writer import TokenRequest

WHOLE = 1.5
"""A request, its repeat and its wait in the queue take so many times one attempt's deadline."""

IN_FLIGHT = 64
"""Token requests under way at one time, per loop."""

REPEAT_AFTER = (0.2, 1.0)
"""Seconds before the repeat, drawn anew each time."""

_SERVER_FAILED = 500

Sleep: TypeAlias = Callable[[float], Awaitable[None]]


class EntraClients(Clients, Protocol):
    """The HTTP clients, and what is configured for each."""

    def options(self, name: str) -> HttpClientOptions:
        """The options of the client called *name*."""


class TokenEndpoint:
    """Posts token requests through the HTTP client "Entra"."""

    def __init__(
        self, clients: EntraClients, *, clock: Clock, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._forms = Forms(clients, ENTRA_CLIENT)
        self._clients = clients
        self._clock = clock
        self._sleep = sleep
        self._gates: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            weakref.WeakKeyDictionary()
        )

    async def send(
        self,
        request: TokenRequest,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str],
    ) -> FormAnswer:
        """The answer to *request*, with *query* added to its URL and *headers* over MSAL's own.

        A request that got no answer, or a 5xx without Retry-After, is sent once more: a token
        request changes nothing at the service.

        Raises:
            TokenAcquisitionError: ``entra_unreachable`` or ``entra_timeout``, both retryable;
                ``answer_unreadable``.
        """
        url = f"{request.url}?{urlencode(query, quote_via=quote)}" if query else request.url
        fields = dict(laid_over(request.headers.items(), headers.items()))
        attempt = self._clients.options(ENTRA_CLIENT).timeout
        whole = None if attempt is None else attempt * WHOLE
        try:
            async with asyncio.timeout(whole), self._gate():
                return await self._twice(url, request.form, fields, attempt)
        except TimeoutError:
            raise _timed_out() from None

    async def _twice(
        self,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        limit: float | None,
    ) -> FormAnswer:
        try:
            answer = await self._once(url, form, headers, limit)
        except TokenAcquisitionError as error:
            if error.code == "answer_unreadable":
                raise
        else:
            if not self._worth_repeating(answer):
                return answer
        await self._sleep(random.uniform(*REPEAT_AFTER))  # noqa: S311 - jitter, no secret
        return await self._once(url, form, headers, limit)

    async def _once(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str], limit: float | None
    ) -> FormAnswer:
        try:
            async with asyncio.timeout(limit):
                return await self._forms.post(url, form, headers)
        except TimeoutError:
            raise _timed_out() from None

    def _worth_repeating(self, answer: FormAnswer) -> bool:
        if answer.status < _SERVER_FAILED:
            return False
        wait = retry_after_seconds(answer.headers.get("retry-after"), now=self._clock.time())
        return wait is None

    def _gate(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        gate = self._gates.get(loop)
        if gate is None:
            gate = self._gates[loop] = asyncio.Semaphore(IN_FLIGHT)
        return gate


def _timed_out() -> TokenAcquisitionError:
    return TokenAcquisitionError(
        "Entra ID did not answer in time.", code="entra_timeout", retryable=True
    )
