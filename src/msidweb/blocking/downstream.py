"""The synchronous twin of the downstream APIs, each call naming the one it means."""

from __future__ import annotations

from typing import Unpack

import httpx

from msidweb.concurrency import Portal
from msidweb.downstream import AppCall, DownstreamApi, UserCall
from msidweb.downstream.arguments import PARSED, Model, T

from .named import BlockingNamedDownstreamApi


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

    def call_api(
        self, name: str, path: str | None = None, **call: Unpack[UserCall]
    ) -> httpx.Response:
        """The response to the options' verb, with the token that ``request_app_token`` tells."""
        return self.named(name).call_api(path, **call)

    def call_api_for_user(
        self, name: str, path: str | None = None, **call: Unpack[UserCall]
    ) -> httpx.Response:
        """The response to the options' verb, for the user."""
        return self.named(name).call_api_for_user(path, **call)

    def call_api_for_app(
        self, name: str, path: str | None = None, **call: Unpack[AppCall]
    ) -> httpx.Response:
        """The response to the options' verb, for the application."""
        return self.named(name).call_api_for_app(path, **call)
