"""One downstream API: its verbs, for the user and for the application."""

from __future__ import annotations

from typing import Unpack

import httpx

from .arguments import PARSED, AppCall, Model, T, UserCall, check_keywords
from .calls import Call, prepare
from .exchange import Exchange
from .reading import check_model, read_answer
from .resolution import ApiPlan


class NamedDownstreamApi:
    """Calls one API of the configuration; an application shares one object for all its requests.

    The verbs check the status and return the body as *response_model* (:data:`Model`), without one
    as parsed JSON; an empty answer is None. ``call_api`` and its two relatives return the response
    whatever its status. The keywords are those of :class:`UserCall` and :class:`AppCall`.

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

    async def call_api(self, path: str | None = None, **call: Unpack[UserCall]) -> httpx.Response:
        """The response to the options' verb, with the token that ``request_app_token`` tells."""
        ready = self._ready_for_user(path, call, for_app=None)
        return (await self._exchange.carry_out(ready, check=False)).response()

    async def call_api_for_user(
        self, path: str | None = None, **call: Unpack[UserCall]
    ) -> httpx.Response:
        """The response to the options' verb, for the user."""
        ready = self._ready_for_user(path, call)
        return (await self._exchange.carry_out(ready, check=False)).response()

    async def call_api_for_app(
        self, path: str | None = None, **call: Unpack[AppCall]
    ) -> httpx.Response:
        """The response to the options' verb, for the application."""
        ready = self._ready_for_app(path, call)
        return (await self._exchange.carry_out(ready, check=False)).response()

    async def _for_user(self, method: str, path: str | None, model: Model[T], call: UserCall) -> T:
        return await self._read(self._ready_for_user(path, call, method=method), model)

    async def _for_app(self, method: str, path: str | None, model: Model[T], call: AppCall) -> T:
        return await self._read(self._ready_for_app(path, call, method=method), model)

    def _ready_for_user(
        self,
        path: str | None,
        call: UserCall,
        *,
        method: str | None = None,
        for_app: bool | None = False,
    ) -> Call:
        check_keywords(call, UserCall.__optional_keys__)
        user, key = call.get("user"), call.get("session_key")
        return prepare(
            self._plan, path, call, method=method, for_app=for_app, user=user, session_key=key
        )

    def _ready_for_app(self, path: str | None, call: AppCall, *, method: str | None = None) -> Call:
        check_keywords(call, AppCall.__optional_keys__)
        return prepare(self._plan, path, call, method=method, for_app=True)

    async def _read(self, ready: Call, model: Model[T]) -> T:
        if ready.plan.deserializer is None:
            check_model(model)
        answer = await self._exchange.carry_out(ready, check=True)
        result: T = read_answer(answer, model, ready.plan.deserializer)
        return result
