"""One downstream API: its verbs, for the user and for the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from types import NoneType
from typing import Any, Literal, TypeAlias, Unpack, overload

import httpx

from msidweb.concurrency import settled
from msidweb.errors import InvalidCallError
from msidweb.kinds import check_kind
from msidweb.principal import Principal

from .arguments import PARSED, AppCall, Model, T, UserCall, check_keywords
from .auth import DownstreamAuth
from .calls import Call, prepare, refuse_lost_key
from .exchange import Exchange
from .reading import check_model, read_answer
from .resolution import ApiPlan, with_session_key
from .scopes import app_scope

Raw: TypeAlias = Coroutine[Any, Any, httpx.Response]
Ready: TypeAlias = Callable[[], Coroutine[Any, Any, Call]]
Streaming: TypeAlias = AbstractAsyncContextManager[httpx.Response]


class NamedDownstreamApi:
    """Calls one API of the configuration; an application shares one object for all its requests.

    The verbs check the status and return the body as *response_model* (:data:`Model`), without one
    as parsed JSON; an empty answer is None. ``call_api`` and its two relatives return the response
    whatever its status; with ``stream=True`` they are to be used by ``async with`` and give it with
    its body unread: the deadline then ends at the head, and each piece of the body may take the
    read timeout. The keywords are those of :class:`UserCall` and :class:`AppCall`.

    Raises:
        InvalidCallError: An argument is refused; nothing was sent.
        TokenAcquisitionError: There is no token; UserChallengeError where the user must act.
        DownstreamApiError: An error status (verbs only), an unreadable answer, or none at all.
    """

    def __init__(self, plan: ApiPlan, exchange: Exchange) -> None:
        self._plan = plan
        self._exchange = exchange

    @property
    def name(self) -> str:
        """The API's name in the configuration."""
        return self._plan.name

    def __repr__(self) -> str:
        return f"NamedDownstreamApi({self.name!r})"

    async def get_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """GET for the user."""
        return await self._for_user("GET", path, response_model, call)

    async def get_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """GET for the application."""
        return await self._for_app("GET", path, response_model, call)

    async def post_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """POST for the user."""
        return await self._for_user("POST", path, response_model, call)

    async def post_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """POST for the application."""
        return await self._for_app("POST", path, response_model, call)

    async def put_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PUT for the user."""
        return await self._for_user("PUT", path, response_model, call)

    async def put_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """PUT for the application."""
        return await self._for_app("PUT", path, response_model, call)

    async def patch_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PATCH for the user."""
        return await self._for_user("PATCH", path, response_model, call)

    async def patch_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """PATCH for the application."""
        return await self._for_app("PATCH", path, response_model, call)

    async def delete_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """DELETE for the user."""
        return await self._for_user("DELETE", path, response_model, call)

    async def delete_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """DELETE for the application."""
        return await self._for_app("DELETE", path, response_model, call)

    async def head_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """HEAD for the user."""
        return await self._for_user("HEAD", path, response_model, call)

    async def head_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """HEAD for the application."""
        return await self._for_app("HEAD", path, response_model, call)

    async def options_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """OPTIONS for the user."""
        return await self._for_user("OPTIONS", path, response_model, call)

    async def options_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """OPTIONS for the application."""
        return await self._for_app("OPTIONS", path, response_model, call)

    @overload
    def call_api(
        self, path: str | None = None, *, stream: Literal[False] = False, **call: Unpack[UserCall]
    ) -> Raw: ...

    @overload
    def call_api(
        self, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api(
        self, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> Raw | Streaming:
        """The response to the options' verb, with the token that ``request_app_token`` tells."""
        ready = partial(self._ready_for_user, path, call, for_app=None)
        return self._begun(ready, stream=stream)

    @overload
    def call_api_for_user(
        self, path: str | None = None, *, stream: Literal[False] = False, **call: Unpack[UserCall]
    ) -> Raw: ...

    @overload
    def call_api_for_user(
        self, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api_for_user(
        self, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> Raw | Streaming:
        """The response to the options' verb, for the user."""
        ready = partial(self._ready_for_user, path, call)
        return self._begun(ready, stream=stream)

    @overload
    def call_api_for_app(
        self, path: str | None = None, *, stream: Literal[False] = False, **call: Unpack[AppCall]
    ) -> Raw: ...

    @overload
    def call_api_for_app(
        self, path: str | None = None, *, stream: Literal[True], **call: Unpack[AppCall]
    ) -> Streaming: ...

    def call_api_for_app(
        self, path: str | None = None, *, stream: bool = False, **call: Unpack[AppCall]
    ) -> Raw | Streaming:
        """The response to the options' verb, for the application."""
        ready = partial(self._ready_for_app, path, call)
        return self._begun(ready, stream=stream)

    def auth(
        self,
        *,
        user: Principal | None = None,
        for_app: bool = False,
        session_key: str | None = None,
    ) -> DownstreamAuth:
        """Attaches this API's token to requests of an ``httpx.AsyncClient`` of your own.

        Args:
            user: The user, instead of the one of the request in which a call is made.
            for_app: Attach the application's token, not a user's.
            session_key: Long-running session whose user is meant.

        Raises:
            InvalidCallError: The API has no scopes, or they are not those of an application.
        """
        check_kind("user", user, Principal, NoneType)
        check_kind("for_app", for_app, bool)
        check_kind("session_key", session_key, str, NoneType)
        plan = self._plan
        if not plan.scopes:
            msg = f"{plan.name!r} has no scopes, so there is no token to attach."
            raise InvalidCallError(msg, code="scopes_missing")
        if for_app:
            app_scope(plan.name, plan.scopes)
        if session_key is not None:
            plan = with_session_key(plan, session_key)
        if plan.acquire is not None:
            refuse_lost_key(plan.name, plan.acquire)
        return DownstreamAuth(plan, self._exchange, for_app=for_app, user=user)

    async def _for_user(self, method: str, path: str | None, model: Model[T], call: UserCall) -> T:
        return await self._read(await self._ready_for_user(path, call, method=method), model)

    async def _for_app(self, method: str, path: str | None, model: Model[T], call: AppCall) -> T:
        return await self._read(await self._ready_for_app(path, call, method=method), model)

    async def _ready_for_user(
        self,
        path: str | None,
        call: UserCall,
        *,
        method: str | None = None,
        for_app: bool | None = False,
    ) -> Call:
        check_keywords(call, UserCall.__optional_keys__)
        user, key = call.get("user"), call.get("session_key")
        return await prepare(
            self._plan, path, call, method=method, for_app=for_app, user=user, session_key=key
        )

    async def _ready_for_app(
        self, path: str | None, call: AppCall, *, method: str | None = None
    ) -> Call:
        check_keywords(call, AppCall.__optional_keys__)
        return await prepare(self._plan, path, call, method=method, for_app=True)

    async def _read(self, ready: Call, model: Model[T]) -> T:
        if ready.plan.deserializer is None:
            check_model(model)
        answer = await self._exchange.carry_out(ready, check=True)
        deserializer = ready.plan.deserializer
        result: T
        if deserializer is None:
            result = read_answer(answer, model)
        else:
            result = await settled(deserializer(answer.response()))
        return result

    def _begun(self, ready: Ready, *, stream: bool) -> Raw | Streaming:
        check_kind("stream", stream, bool)
        return self._streamed(ready) if stream else self._raw(ready)

    async def _raw(self, ready: Ready) -> httpx.Response:
        return (await self._exchange.carry_out(await ready(), check=False)).response()

    @asynccontextmanager
    async def _streamed(self, ready: Ready) -> AsyncIterator[httpx.Response]:
        async with self._exchange.stream(await ready()) as response:
            yield response
