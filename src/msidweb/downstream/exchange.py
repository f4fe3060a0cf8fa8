"""One call carried out: token, request, at most one answer to a claims challenge."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace

import httpx

from msidweb.acquisition import TokenProvider
from msidweb.challenge import claims_challenge
from msidweb.clock import Clock, SystemClock
from msidweb.configuration.options import AcquireTokenOptions
from msidweb.http import BodyTooLargeError, HttpClients, read_bounded, read_excerpt
from msidweb.principal import Principal, ambient_principal
from msidweb.telemetry import (
    ChallengeAnswered,
    DownstreamCalled,
    HeaderDropped,
    Telemetry,
    current_correlation_id,
    names_of,
)

from . import failures
from .answers import Answer
from .calls import Call

MAX_ANSWER = 100 * 1024 * 1024
"""Longest body that is read, in bytes, after its content coding is undone."""


class Exchange:
    """Carries calls out, for every API of one identity."""

    def __init__(
        self,
        acquirer: TokenProvider,
        clients: HttpClients,
        telemetry: Telemetry,
        clock: Clock | None = None,
    ) -> None:
        self._acquirer = acquirer
        self._clients = clients
        self._telemetry = telemetry
        self._clock = clock or SystemClock()

    async def carry_out(self, call: Call, *, check: bool) -> Answer:
        """The answer to *call*; with *check* an answer without success is an error.

        Raises:
            TokenAcquisitionError: There is no token; a UserChallengeError passes as it came.
            DownstreamApiError: The API answered with an error, unreadably, or not at all.
        """
        service, seconds = call.plan.name, self._seconds(call)
        trace = _Trace(self._clock.monotonic(), _correlation_id(call))
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                return await self._exchange(call, trace, check=check)
        except TimeoutError as error:
            within = seconds if deadline.expired() else None
            raise failures.too_late(service, trace.correlation_id, seconds=within) from error
        except httpx.TimeoutException as error:
            raise failures.too_late(service, trace.correlation_id) from error
        except httpx.HTTPError as error:
            raise failures.broken_off(service, trace.correlation_id, error) from error
        finally:
            self._report(call, trace)

    async def _exchange(self, call: Call, trace: _Trace, *, check: bool) -> Answer:
        head = await self._send(call, await self._authorization(call, call.plan.acquire), trace)
        claims = _claims_wanted(call, head)
        if claims is not None:
            with contextlib.suppress(httpx.HTTPError):
                await read_excerpt(head)
            # 3.19: once, and the second answer is final whatever it says.
            acquire = (call.plan.acquire or AcquireTokenOptions()).model_copy(
                update={"claims": claims, "force_refresh": True}
            )
            authorization = await self._authorization(call, acquire)
            self._telemetry.emit(
                ChallengeAnswered(
                    service=call.plan.name,
                    correlation_id=trace.correlation_id,
                    **names_of(_caller(call)),
                )
            )
            head = await self._send(call, authorization, trace)
        return await self._arrive(call, head, trace, check=check)

    async def _authorization(self, call: Call, acquire: AcquireTokenOptions | None) -> str | None:
        plan = call.plan
        if not plan.scopes:
            return None
        if call.for_app:
            token = await self._acquirer.get_token_for_app(plan.scopes[0], options=acquire)
            return token.header
        token = await self._acquirer.get_token_for_user(
            plan.scopes, user=call.user, options=acquire
        )
        if plan.key_owner is not None and acquire is not None:
            plan.key_owner.session_key = acquire.session_key
        return token.header

    async def _send(self, call: Call, authorization: str | None, trace: _Trace) -> httpx.Response:
        client = self._clients.client(call.plan.client)
        request = client.build_request(
            call.method,
            call.url,
            headers=call.headers,
            content=call.content,
            timeout=self._phases(call, client.timeout),
        )
        if authorization is not None:
            request.headers["Authorization"] = authorization
        if "accept" not in call.headers:
            request.headers.pop("accept", None)
        trace.attempts += 1
        head = await client.send(request, stream=True, follow_redirects=False)
        trace.status = head.status_code
        return head

    async def _arrive(
        self, call: Call, head: httpx.Response, trace: _Trace, *, check: bool
    ) -> Answer:
        answer = Answer(call.plan.name, head, b"", trace.correlation_id)
        try:
            if head.is_success or not check:
                return replace(answer, body=await read_bounded(head, limit=MAX_ANSWER))
            text, more = await read_excerpt(head, characters=failures.MAX_TEXT)
        except BodyTooLargeError as error:
            raise failures.too_large(answer, MAX_ANSWER) from error
        except httpx.DecodingError as error:
            raise failures.unreadable(answer, "that its content coding does not fit") from error
        raise failures.refused(answer, text, truncated=more, now=self._clock.time())

    def _seconds(self, call: Call) -> float | None:
        if call.timeout is not None:
            return call.timeout
        return self._clients.options(call.plan.client).timeout

    def _phases(self, call: Call, usual: httpx.Timeout) -> httpx.Timeout:
        if (call.timeout, call.connect_timeout, call.read_timeout) == (None, None, None):
            return usual
        read = call.read_timeout
        if read is None:
            read = self._clients.options(call.plan.client).read_timeout
        return httpx.Timeout(
            connect=usual.connect if call.connect_timeout is None else call.connect_timeout,
            read=self._seconds(call) if read is None else read,
            write=usual.write,
            pool=usual.pool,
        )

    def _report(self, call: Call, trace: _Trace) -> None:
        for header in call.dropped:
            self._telemetry.emit(
                HeaderDropped(
                    service=call.plan.name,
                    header=header.name,
                    reason=header.reason,
                    correlation_id=trace.correlation_id,
                )
            )
        if self._telemetry.listening(DownstreamCalled):
            self._telemetry.emit(
                DownstreamCalled(
                    service=call.plan.name,
                    method=call.method,
                    status=trace.status,
                    attempts=trace.attempts,
                    seconds=self._clock.monotonic() - trace.started,
                    correlation_id=trace.correlation_id,
                    **names_of(_caller(call)),
                )
            )


@dataclass(slots=True)
class _Trace:
    started: float
    correlation_id: str | None
    attempts: int = 0
    status: int | None = None


def _correlation_id(call: Call) -> str | None:
    acquire = call.plan.acquire
    return (acquire.correlation_id if acquire else None) or current_correlation_id()


def _caller(call: Call) -> Principal | None:
    return None if call.for_app else call.user or ambient_principal()


def _claims_wanted(call: Call, head: httpx.Response) -> str | None:
    if head.status_code != httpx.codes.UNAUTHORIZED or not call.plan.scopes:
        return None
    return claims_challenge(head.headers.get_list("www-authenticate"))
