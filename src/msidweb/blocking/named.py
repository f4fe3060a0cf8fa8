"""The synchronous twin of one downstream API."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, TypeAlias, Unpack, overload

import httpx

from msidweb.concurrency import Portal
from msidweb.downstream import AppCall, NamedDownstreamApi, UserCall
from msidweb.downstream.arguments import PARSED, Model, T
from msidweb.kinds import check_kind

from .streaming import streamed

Streaming: TypeAlias = AbstractContextManager[httpx.Response]


class BlockingNamedDownstreamApi:
    """Calls one API of the configuration, and waits.

    Results, keywords and errors are those of :class:`~msidweb.NamedDownstreamApi`; what is given
    with ``stream=True`` is to be used by ``with``.

    Raises:
        InvalidCallError: Besides what it raises there: this is the thread of an event loop.
        BlockingCallError: The event loop ended during the call.
    """

    def __init__(self, api: NamedDownstreamApi, portal: Portal) -> None:
        self._api = api
        self._portal = portal

    @property
    def name(self) -> str:
        """The API's name in the configuration."""
        return self._api.name

    def __repr__(self) -> str:
        return f"BlockingNamedDownstreamApi({self.name!r})"

    def get_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """GET for the user."""
        return self._portal.call(
            lambda: self._api.get_for_user(path, response_model=response_model, **call)
        )

    def get_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """GET for the application."""
        return self._portal.call(
            lambda: self._api.get_for_app(path, response_model=response_model, **call)
        )

    def post_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """POST for the user."""
        return self._portal.call(
            lambda: self._api.post_for_user(path, response_model=response_model, **call)
        )

    def post_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """POST for the application."""
        return self._portal.call(
            lambda: self._api.post_for_app(path, response_model=response_model, **call)
        )

    def put_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PUT for the user."""
        return self._portal.call(
            lambda: self._api.put_for_user(path, response_model=response_model, **call)
        )

    def put_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """PUT for the application."""
        return self._portal.call(
            lambda: self._api.put_for_app(path, response_model=response_model, **call)
        )

    def patch_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """PATCH for the user."""
        return self._portal.call(
            lambda: self._api.patch_for_user(path, response_model=response_model, **call)
        )

    def patch_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """PATCH for the application."""
        return self._portal.call(
            lambda: self._api.patch_for_app(path, response_model=response_model, **call)
        )

    def delete_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """DELETE for the user."""
        return self._portal.call(
            lambda: self._api.delete_for_user(path, response_model=response_model, **call)
        )

    def delete_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """DELETE for the application."""
        return self._portal.call(
            lambda: self._api.delete_for_app(path, response_model=response_model, **call)
        )

    def head_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """HEAD for the user."""
        return self._portal.call(
            lambda: self._api.head_for_user(path, response_model=response_model, **call)
        )

    def head_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """HEAD for the application."""
        return self._portal.call(
            lambda: self._api.head_for_app(path, response_model=response_model, **call)
        )

    def options_for_user(
        self,
        path: str | None = None,
        *,
        response_model: Model[T] = PARSED,
        **call: Unpack[UserCall],
    ) -> T:
        """OPTIONS for the user."""
        return self._portal.call(
            lambda: self._api.options_for_user(path, response_model=response_model, **call)
        )

    def options_for_app(
        self, path: str | None = None, *, response_model: Model[T] = PARSED, **call: Unpack[AppCall]
    ) -> T:
        """OPTIONS for the application."""
        return self._portal.call(
            lambda: self._api.options_for_app(path, response_model=response_model, **call)
        )

    @overload
    def call_api(
        self, path: str | None = None, *, stream: Literal[False] = False, **call: Unpack[UserCall]
    ) -> httpx.Response: ...

    @overload
    def call_api(
        self, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api(
        self, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> httpx.Response | Streaming:
        """The response to the options' verb, with the token that ``request_app_token`` tells."""
        check_kind("stream", stream, bool)
        if stream:
            return streamed(self._portal, lambda: self._api.call_api(path, stream=True, **call))
        return self._portal.call(lambda: self._api.call_api(path, **call))

    @overload
    def call_api_for_user(
        self, path: str | None = None, *, stream: Literal[False] = False, **call: Unpack[UserCall]
    ) -> httpx.Response: ...

    @overload
    def call_api_for_user(
        self, path: str | None = None, *, stream: Literal[True], **call: Unpack[UserCall]
    ) -> Streaming: ...

    def call_api_for_user(
        self, path: str | None = None, *, stream: bool = False, **call: Unpack[UserCall]
    ) -> httpx.Response | Streaming:
        """The response to the options' verb, for the user."""
        check_kind("stream", stream, bool)
        if stream:
            return streamed(
                self._portal, lambda: self._api.call_api_for_user(path, stream=True, **call)
            )
        return self._portal.call(lambda: self._api.call_api_for_user(path, **call))

    @overload
    def call_api_for_app(
        self, path: str | None = None, *, stream: Literal[False] = False, **call: Unpack[AppCall]
    ) -> httpx.Response: ...

    @overload
    def call_api_for_app(
        self, path: str | None = None, *, stream: Literal[True], **call: Unpack[AppCall]
    ) -> Streaming: ...

    def call_api_for_app(
        self, path: str | None = None, *, stream: bool = False, **call: Unpack[AppCall]
    ) -> httpx.Response | Streaming:
        """The response to the options' verb, for the application."""
        check_kind("stream", stream, bool)
        if stream:
            return streamed(
                self._portal, lambda: self._api.call_api_for_app(path, stream=True, **call)
            )
        return self._portal.call(lambda: self._api.call_api_for_app(path, **call))
