"""All downstream APIs of the configuration, each call naming the one it means."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import random as system_random
from types import NoneType
from typing import Literal, Unpack, overload

from msidweb.acquisition import TokenProvider
from msidweb.clock import Clock
from msidweb.configuration.options import DownstreamApiOptions
from msidweb.configuration.spelling import unknown_name
from msidweb.errors import InvalidCallError
from msidweb.http import HttpClients, Random
from msidweb.kinds import check_kind
from msidweb.principal import Principal
from msidweb.telemetry import HeaderDropped, Telemetry

from .arguments import PARSED, AppCall, Model, T, UserCall
from .auth import DownstreamAuth
from .exchange import Exchange
from .hooks import RequestHooks
from .named import NamedDownstreamApi, Raw, Streaming
from .repeating import Sleep
from .resolution import plan_api


class DownstreamApi:
    """Calls the APIs of the configuration by name. .NET: IDownstreamApi.

    Every method takes the API's name and then what the same method of :class:`NamedDownstreamApi`
    takes, where results and errors are described.

    Args:
        apis: The options of each API, by name.
        acquirer: Gets the tokens.
        clients: Sends the requests, for each API the client of its options.
        telemetry: Hears of every call.
        hooks: What is called with the requests to every API.
        clock: The time; the system's unless given.
        random: Draws how long is waited before a request is repeated.
        sleep: How that is waited for.

    Raises:
        InvalidCallError: The options of an API cannot work, or no API has the name.
    """

    def __init__(
        self,
        apis: Mapping[str, DownstreamApiOptions],
        *,
        acquirer: TokenProvider,
        clients: HttpClients,
        telemetry: Telemetry,
        hooks: RequestHooks | None = None,
        clock: Clock | None = None,
        random: Random = system_random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._exchange = Exchange(acquirer, clients, telemetry, clock, random=random, sleep=sleep)
        plans = [plan_api(name, options, hooks=hooks) for name, options in apis.items()]
        self._apis = {plan.name: NamedDownstreamApi(plan, self._exchange) for plan in plans}
        for plan in plans:
            for header in plan.dropped:
                telemetry.emit(
                    HeaderDropped(service=plan.name, header=header.name, reason=header.reason)
                )

    def named(self, name: str) -> NamedDownstreamApi:
        """The API called *name*, upper and lower case told apart; always the same object.

        Raises:
            InvalidCallError: There is none; the error names those there are.
        """
        api = self._apis.get(name) if isinstance(name, str) else None
        if api is None:
            raise unknown_name("downstream API", name, self._apis, code="unknown_api")
        return api

    async def get_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """GET for the user."""
        return await self.named(name).get_for_user(path, response_model=response_model, **call)

    async def get_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """GET for the application."""
        return await self.named(name).get_for_app(path, response_model=response_model, **call)

    async def post_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """POST for the user."""
        return await self.named(name).post_for_user(path, response_model=response_model, **call)

    async def post_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """POST for the application."""
        return await self.named(name).post_for_app(path, response_model=response_model, **call)

    async def put_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PUT for the user."""
        return await self.named(name).put_for_user(path, response_model=response_model, **call)

    async def put_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """PUT for the application."""
        return await self.named(name).put_for_app(path, response_model=response_model, **call)

    async def patch_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PATCH for the user."""
        return await self.named(name).patch_for_user(path, response_model=response_model, **call)

    async def patch_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """PATCH for the application."""
        return await self.named(name).patch_for_app(path, response_model=response_model, **call)

    async def delete_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """DELETE for the user."""
        return await self.named(name).delete_for_user(path, response_model=response_model, **call)

    async def delete_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """DELETE for the application."""
        return await self.named(name).delete_for_app(path, response_model=response_model, **call)

    async def head_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """HEAD for the user."""
        return await self.named(name).head_for_user(path, response_model=response_model, **call)

    async def head_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """HEAD for the application."""
        return await self.named(name).head_for_app(path, response_model=response_model, **call)

    async def options_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """OPTIONS for the user."""
        return await self.named(name).options_for_user(path, response_model=response_model, **call)

    async def options_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """OPTIONS for the application."""
        return await self.named(name).options_for_app(path, response_model=response_model, **call)

    @overload
    def call_api(
        self,
        name: str,
        path: str | None = None,
        *,
        stream: Literal[False] = False,
        **call: Unpack[UserCall],
    ) -> Raw: ...

    @overload
    def call_api(
        self, name: str, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api(
        self, name: str, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> Raw | Streaming:
        """The response to the options' verb, with the token that ``request_app_token`` tells."""
        api = self.named(name)
        check_kind("stream", stream, bool)
        if stream:
            return api.call_api(path, stream=True, **call)
        return api.call_api(path, **call)

    @overload
    def call_api_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        stream: Literal[False] = False,
        **call: Unpack[UserCall],
    ) -> Raw: ...

    @overload
    def call_api_for_user(
        self, name: str, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api_for_user(
        self, name: str, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> Raw | Streaming:
        """The response to the options' verb, for the user."""
        api = self.named(name)
        check_kind("stream", stream, bool)
        if stream:
            return api.call_api_for_user(path, stream=True, **call)
        return api.call_api_for_user(path, **call)

    @overload
    def call_api_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        stream: Literal[False] = False,
        **call: Unpack[AppCall],
    ) -> Raw: ...

    @overload
    def call_api_for_app(
        self, name: str, path: str | None = None, *, stream: Literal[True], **call: Unpack[AppCall]
    ) -> Streaming: ...

    def call_api_for_app(
        self, name: str, path: str | None = None, *, stream: bool = False, **call: Unpack[AppCall]
    ) -> Raw | Streaming:
        """The response to the options' verb, for the application."""
        api = self.named(name)
        check_kind("stream", stream, bool)
        if stream:
            return api.call_api_for_app(path, stream=True, **call)
        return api.call_api_for_app(path, **call)

    def auth(
        self,
        api: str | Sequence[str],
        *,
        base_url: str | None = None,
        user: Principal | None = None,
        for_app: bool = False,
        session_key: str | None = None,
    ) -> DownstreamAuth:
        """Attaches an API's token to requests of an ``httpx.AsyncClient`` of your own.

        Args:
            api: Name of the API; or scopes, with the *base_url* that their tokens may reach.
            base_url: Root of an API that is not configured.
            user: The user, instead of the one of the request in which a call is made.
            for_app: Attach the application's token, not a user's.
            session_key: Long-running session whose user is meant.

        Raises:
            InvalidCallError: There is no such API, scopes come without a base URL or a name with
                one, or the scopes are not those of an application.
        """
        check_kind("api", api, str, Sequence)
        check_kind("base_url", base_url, str, NoneType)
        if isinstance(api, str):
            if base_url is not None:
                msg = f"{api!r}: the base URL of a configured API cannot be changed."
                raise InvalidCallError(msg, code="foreign_base_url")
            named = self.named(api)
        else:
            for scope in api:
                check_kind("a scope", scope, str)
            options = DownstreamApiOptions(base_url=base_url, scopes=list(api))
            named = NamedDownstreamApi(plan_api("auth", options), self._exchange)
        return named.auth(user=user, for_app=for_app, session_key=session_key)
