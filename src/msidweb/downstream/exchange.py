"""One call carried out: token, request, at most one answer to a claims challenge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from random import random as system_random
from typing import TypedDict

import httpx

from msidweb.acquisition import TokenProvider
from msidweb.challenge import claims_challenge
from msidweb.clock import Clock, SystemClock
from msidweb.configuration.options import AcquireTokenOptions
from msidweb.http import BodyTooLargeError, HttpClients, Random, read_bounded, read_excerpt
from msidweb.principal import Principal, ambient_principal
from msidweb.telemetry import (
    ChallengeAnswered,
    DownstreamCalled,
    Telemetry,
    current_correlation_id,
    names_of,
)

from . import failures
from .answers import Answer
from .calls import Call
from .repeating import Repeats, Sleep
from .resolution import ApiPlan
from .sending import Receive, Sender, discard
from .streaming import streamed
from .trace import Trace

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
        *,
        random: Random = system_random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._acquirer = acquirer
        self._telemetry = telemetry
        self._clock = clock or SystemClock()
        repeats = Repeats(clients, telemetry, clock=self._clock, random=random, sleep=sleep)
        self._sender = Sender(clients, telemetry, repeats)

    async def carry_out(self, call: Call, *, check: bool) -> Answer:
        """The answer to *call*; with *check* an answer without success is an error.

        Raises:
            TokenAcquisitionError: There is no token; a UserChallengeError passes as it came.
            DownstreamApiError: The API answered with an error, unreadably, or not at all.
        """
        trace = self._trace(call)

        async def receive(head: httpx.Response) -> Answer:
            return await _arrived(call, head, trace, check=check)

        answer = await self._within_deadline(call, trace, receive)
        if check and not answer.head.is_success:
            raise failures.refused(
                answer,
                now=self._clock.time(),
                challenge_unanswered=trace.challenge_unanswered,
            )
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """The response to *call*, its body unread; closed at the end of the block.

        The deadline ends with the arrival of the head; from then on each piece of the body may
        take the read timeout. Nothing is repeated after the head has arrived.

        Raises:
            TokenAcquisitionError: There is no token; a UserChallengeError passes as it came.
            DownstreamApiError: No head came, or the body broke off or cannot be decoded.
        """
        trace = self._trace(call)

        async def receive(head: httpx.Response) -> Answer:
            return Answer(call.plan.name, head, b"", trace.correlation_id)

        answer = await self._within_deadline(call, trace, receive)
        head = streamed(answer)
        try:
            yield head
        finally:
            await head.aclose()

    def _trace(self, call: Call) -> Trace:
        seconds = self._sender.seconds(call)
        return Trace(self._clock.monotonic(), seconds, _correlation_id(call))

    async def _within_deadline(self, call: Call, trace: Trace, receive: Receive) -> Answer:
        deadline = asyncio.timeout(trace.seconds)
        try:
            async with deadline:
                return await self._exchanged(call, trace, receive)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise failures.too_late(
                call.plan.name, trace.correlation_id, seconds=trace.seconds
            ) from error
        finally:
            self._report(call, trace)

    async def _exchanged(self, call: Call, trace: Trace, receive: Receive) -> Answer:
        plan, whose = call.plan, _Whose(for_app=call.for_app, user=call.user)
        ask = partial(self.authorization, plan, plan.acquire, **whose) if plan.scopes else None
        answer = await self._sender.send(call, ask, trace, receive)
        claims = claims_wanted(answer.head) if plan.scopes else None
        if claims is None:
            return answer
        if not call.can_be_sent:
            trace.challenge_unanswered = True
            return answer
        await discard(answer)
        again = partial(self.answer_to, claims, plan, correlation_id=trace.correlation_id, **whose)
        # 3.19: once, and the second answer is final whatever it says.
        return await self._sender.send(call, again, trace, receive)

    async def authorization(
        self,
        plan: ApiPlan,
        acquire: AcquireTokenOptions | None,
        *,
        for_app: bool,
        user: Principal | None,
    ) -> str:
        """The value of the Authorization field of a call to the API of *plan*."""
        if for_app:
            token = await self._acquirer.get_token_for_app(plan.scopes[0], options=acquire)
            return token.header
        token = await self._acquirer.get_token_for_user(plan.scopes, user=user, options=acquire)
        if plan.key_owner is not None and acquire is not None:
            plan.key_owner.session_key = acquire.session_key
        return token.header

    async def answer_to(
        self,
        claims: str,
        plan: ApiPlan,
        *,
        for_app: bool,
        user: Principal | None,
        correlation_id: str | None = None,
    ) -> str:
        """The same with a new token that satisfies *claims*."""
        acquire = (plan.acquire or AcquireTokenOptions()).model_copy(
            update={"claims": claims, "force_refresh": True}
        )
        header = await self.authorization(plan, acquire, for_app=for_app, user=user)
        self._telemetry.emit(
            ChallengeAnswered(
                service=plan.name,
                correlation_id=correlation_id,
                **names_of(_caller(for_app=for_app, user=user)),
            )
        )
        return header

    def _report(self, call: Call, trace: Trace) -> None:
        if call.dropped:
            self._sender.tell_dropped(call, call.dropped, trace)
        if self._telemetry.listening(DownstreamCalled):
            self._telemetry.emit(
                DownstreamCalled(
                    service=call.plan.name,
                    method=call.method,
                    status=trace.status,
                    attempts=trace.attempts,
                    seconds=self._clock.monotonic() - trace.started,
                    correlation_id=trace.correlation_id,
                    **names_of(_caller(for_app=call.for_app, user=call.user)),
                )
            )


class _Whose(TypedDict):
    for_app: bool
    user: Principal | None


async def _arrived(call: Call, head: httpx.Response, trace: Trace, *, check: bool) -> Answer:
    answer = Answer(call.plan.name, head, b"", trace.correlation_id)
    try:
        if head.is_success or not check:
            return replace(answer, body=await read_bounded(head, limit=MAX_ANSWER))
        text, more = await read_excerpt(head, characters=failures.MAX_TEXT)
    except BodyTooLargeError as error:
        raise failures.too_large(answer, MAX_ANSWER) from error
    except httpx.DecodingError as error:
        raise failures.unreadable(answer, failures.NOT_AS_CODED) from error
    return replace(answer, refusal=text, truncated=more)


def _correlation_id(call: Call) -> str | None:
    acquire = call.plan.acquire
    return (acquire.correlation_id if acquire else None) or current_correlation_id()


def _caller(*, for_app: bool, user: Principal | None) -> Principal | None:
    return None if for_app else user or ambient_principal()


def claims_wanted(head: httpx.Response) -> str | None:
    """The claims request with which an API refused a token, or None."""
    if head.status_code != httpx.codes.UNAUTHORIZED:
        return None
    return claims_challenge(head.headers.get_list("www-authenticate"))
