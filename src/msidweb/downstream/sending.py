"""A request made, shaped by hooks, sent, and sent again where that may help."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import httpx

from msidweb.concurrency import call_all
from msidweb.errors import DownstreamApiError
from msidweb.http import DroppedHeader, HttpClients, make_request, read_excerpt
from msidweb.telemetry import HeaderDropped, Telemetry

from .answers import Answer
from .calls import Call
from .failures import TRANSPORT, of_transport
from .hooks import Guard, RequestHooks
from .repeating import Repeats
from .trace import Trace
from .uploads import Upload

Authorize: TypeAlias = Callable[[], Awaitable[str]]
"""Gives the value of the Authorization field."""

Receive: TypeAlias = Callable[[httpx.Response], Awaitable[Answer]]
"""Takes from an answer what its caller wants of it."""


_ACCEPT = frozenset({b"accept"})


class Sender:
    """Sends requests through the named clients, within what each client's options allow."""

    def __init__(self, clients: HttpClients, telemetry: Telemetry, repeats: Repeats) -> None:
        self._clients = clients
        self._telemetry = telemetry
        self._repeats = repeats

    def send(
        self, call: Call, authorize: Authorize | None, trace: Trace, receive: Receive
    ) -> Coroutine[Any, Any, Answer]:
        """What *receive* took of the answer; *authorize* is asked once, however often is sent.

        Raises:
            DownstreamApiError: No answer came, or none that can be read.
        """
        if not self._repeats.begin(call):
            return self._once(call, authorize, trace, receive)
        authorize = None if authorize is None else _asked_once(authorize)
        return self._repeatedly(call, authorize, trace, receive)

    async def _repeatedly(
        self, call: Call, authorize: Authorize | None, trace: Trace, receive: Receive
    ) -> Answer:
        while True:
            try:
                answer = await self._once(call, authorize, trace, receive)
            except DownstreamApiError as error:
                wait = self._repeats.after_failure(call, trace, error)
                if wait is None:
                    raise
            else:
                wait = self._repeats.after_answer(call, trace, answer.head)
                if wait is None:
                    return answer
                await discard(answer)
            await self._repeats.sleep(wait)

    async def _once(
        self, call: Call, authorize: Authorize | None, trace: Trace, receive: Receive
    ) -> Answer:
        trace.sending = False
        client, hooks = self._clients.client(call.plan.client), call.plan.hooks
        fields = call.headers.raw
        if hooks is None and authorize is not None:
            fields.append((b"Authorization", (await authorize()).encode()))
        request = make_request(
            client,
            call.method,
            call.url,
            fields=fields,
            content=call.content,
            timeout=self._phases(call, client.timeout),
            # Only the options of an API say what it may answer with.
            without=_ACCEPT,
        )
        if hooks is not None:
            await self._shaped(call, hooks, request, authorize, trace)
        trace.attempts += 1
        trace.sending = True
        try:
            head = await client.send(request, stream=True, follow_redirects=False)
            trace.status = head.status_code
            return await receive(head)
        except TRANSPORT as error:
            if isinstance(call.content, Upload) and call.content.failure is error:
                raise
            raise of_transport(error, call.plan.name, trace.correlation_id) from error

    async def _shaped(
        self,
        call: Call,
        hooks: RequestHooks,
        request: httpx.Request,
        authorize: Authorize | None,
        trace: Trace,
    ) -> None:
        guard = Guard(request, call.plan.base)
        await call_all(hooks.before_auth_header, request)
        if authorize is not None:
            request.headers["Authorization"] = authorization = await authorize()
            guard.authorize(authorization)
        await call_all(hooks.after_auth_header, request)
        await call_all(hooks.customize, request)
        self.tell_dropped(call, guard.check(request), trace)

    def tell_dropped(self, call: Call, dropped: tuple[DroppedHeader, ...], trace: Trace) -> None:
        """Tell of headers that were to be sent and are not."""
        for header in dropped:
            self._telemetry.emit(
                HeaderDropped(
                    service=call.plan.name,
                    header=header.name,
                    reason=header.reason,
                    correlation_id=trace.correlation_id,
                )
            )

    def _phases(self, call: Call, usual: httpx.Timeout) -> httpx.Timeout:
        if (call.timeout, call.connect_timeout, call.read_timeout) == (None, None, None):
            return usual
        read = call.read_timeout
        if read is None:
            read = self._clients.options(call.plan.client).read_timeout
        return httpx.Timeout(
            connect=usual.connect if call.connect_timeout is None else call.connect_timeout,
            read=self.seconds(call) if read is None else read,
            write=usual.write,
            pool=usual.pool,
        )

    def seconds(self, call: Call) -> float | None:
        """The deadline of *call*, its own or its client's."""
        if call.timeout is not None:
            return call.timeout
        return self._clients.options(call.plan.client).timeout


async def discard(answer: Answer) -> None:
    """Let the rest of an *answer* go, so that its connection can carry the next request."""
    if answer.head.is_closed:
        return
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        await read_excerpt(answer.head)


def _asked_once(authorize: Authorize) -> Authorize:
    known: list[str] = []

    async def asked() -> str:
        if not known:
            known.append(await authorize())
        return known[0]

    return asked
