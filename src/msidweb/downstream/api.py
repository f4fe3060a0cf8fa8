"""All downstream APIs of the configuration, each call naming the one it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import httpx

from msidweb.acquisition import TokenProvider
from msidweb.clock import Clock
from msidweb.configuration.options import DownstreamApiOptions
from msidweb.configuration.spelling import unknown_name
from msidweb.http import HttpClients
from msidweb.telemetry import HeaderDropped, Telemetry

from .arguments import PARSED, AppCall, Model, T, UserCall
from .exchange import Exchange
from .named import NamedDownstreamApi
from .resolution import plan_api


class DownstreamApi:
    """Calls the APIs of the configuration by name. .NET: IDownstreamApi.

    Every method takes the API's name and then what the same method of :class:`NamedDownstreamApi`
    takes, where results and errors are described.

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
        clock: Clock | None = None,
    ) -> None:
        exchange = Exchange(acquirer, clients, telemetry, clock)
        plans = [plan_api(name, options) for name, options in apis.items()]
        self._apis = {plan.name: NamedDownstreamApi(plan, exchange) for plan in plans}
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

    async def call_api(
        self, name: str, path: str | None = None, **call: Unpack[UserCall]
    ) -> httpx.Response:
        """The response to the options' verb, with the token that ``request_app_token`` tells."""
        return await self.named(name).call_api(path, **call)

    async def call_api_for_user(
        self, name: str, path: str | None = None, **call: Unpack[UserCall]
    ) -> httpx.Response:
        """The response to the options' verb, for the user."""
        return await self.named(name).call_api_for_user(path, **call)

    async def call_api_for_app(
        self, name: str, path: str | None = None, **call: Unpack[AppCall]
    ) -> httpx.Response:
        """The response to the options' verb, for the application."""
        return await self.named(name).call_api_for_app(path, **call)
