"""The synchronous twin of the downstream APIs, each call naming the one it means."""

from __future__ import annotations

from typing import Literal, Unpack, overload

import httpx

from msidweb.concurrency import Portal
from msidweb.downstream import AppCall, DownstreamApi, UserCall
from msidweb.downstream.arguments import PARSED, Model, T

from .named import BlockingNamedDownstreamApi, Streaming


class BlockingDownstreamApi:
    """Calls the APIs of the configuration by name, and waits.

    Every method takes the API's name and then what the same method of
    :class:`BlockingNamedDownstreamApi` takes.
    """

    def __init__(self, apis: DownstreamApi, portal: Portal) -> None:
        self._apis = apis
        self._portal = portal

    def named(self, name: str) -> BlockingNamedDownstreamApi:
        """The API called *name*, upper and lower case told apart.

        Raises:
            InvalidCallError: There is none; the error names those there are.
        """
        return BlockingNamedDownstreamApi(self._apis.named(name), self._portal)

    def get_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """GET for the user."""
        return self.named(name).get_for_user(path, response_model=response_model, **call)

    def get_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """GET for the application."""
        return self.named(name).get_for_app(path, response_model=response_model, **call)

    def post_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """POST for the user."""
        return self.named(name).post_for_user(path, response_model=response_model, **call)

    def post_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """POST for the application."""
        return self.named(name).post_for_app(path, response_model=response_model, **call)

    def put_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PUT for the user."""
        return self.named(name).put_for_user(path, response_model=response_model, **call)

    def put_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """PUT for the application."""
        return self.named(name).put_for_app(path, response_model=response_model, **call)

    def patch_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PATCH for the user."""
        return self.named(name).patch_for_user(path, response_model=response_model, **call)

    def patch_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """PATCH for the application."""
        return self.named(name).patch_for_app(path, response_model=response_model, **call)

    def delete_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """DELETE for the user."""
        return self.named(name).delete_for_user(path, response_model=response_model, **call)

    def delete_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """DELETE for the application."""
        return self.named(name).delete_for_app(path, response_model=response_model, **call)

    def head_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """HEAD for the user."""
        return self.named(name).head_for_user(path, response_model=response_model, **call)

    def head_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """HEAD for the application."""
        return self.named(name).head_for_app(path, response_model=response_model, **call)

    def options_for_user(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """OPTIONS for the user."""
        return self.named(name).options_for_user(path, response_model=response_model, **call)

    def options_for_app(
        self,
        name: str,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[AppCall],
    ) -> T:
        """OPTIONS for the application."""
        return self.named(name).options_for_app(path, response_model=response_model, **call)

    @overload
    def call_api(
        self,
        name: str,
        path: str | None = None,
        *,
        stream: Literal[False] = False,
        **call: Unpack[UserCall],
    ) -> httpx.Response: ...

    @overload
    def call_api(
        self, name: str, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api(
        self, name: str, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> httpx.Response | Streaming:
        """The response to the options' verb, with the token that ``request_app_token`` tells."""
        api = self.named(name)
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
    ) -> httpx.Response: ...

    @overload
    def call_api_for_user(
        self, name: str, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api_for_user(
        self, name: str, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> httpx.Response | Streaming:
        """The response to the options' verb, for the user."""
        api = self.named(name)
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
    ) -> httpx.Response: ...

    @overload
    def call_api_for_app(
        self, name: str, path: str | None = None, *, stream: Literal[True], **call: Unpack[AppCall]
    ) -> Streaming: ...

    def call_api_for_app(
        self, name: str, path: str | None = None, *, stream: bool = False, **call: Unpack[AppCall]
    ) -> httpx.Response | Streaming:
        """The response to the options' verb, for the application."""
        api = self.named(name)
        if stream:
            return api.call_api_for_app(path, stream=True, **call)
        return api.call_api_for_app(path, **call)
