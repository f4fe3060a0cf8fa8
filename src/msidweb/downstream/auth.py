"""Tokens for requests of the user's own httpx client. .NET: MicrosoftIdentityMessageHandler."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Any

import httpx

from msidweb.errors import InvalidCallError
from msidweb.http import BaseUrl
from msidweb.principal import Principal

from .exchange import Exchange, claims_wanted
from .hooks import check_below, check_target
from .resolution import ApiPlan


class DownstreamAuth(httpx.Auth):
    """Attaches the token of one API to requests of an ``httpx.AsyncClient``.

    Made by :meth:`msidweb.Identity.auth`. It sends the token below the API's base URL only: a
    request to anywhere else is refused before a token is asked for, and httpx takes the field off
    where a redirect leads to another origin. A redirect that the client follows to another path of
    the same origin is refused before it is sent over httpx's own transport; another transport is
    not asked beforehand, and the error comes when the token was there. A claims challenge of the
    API is answered once, where the request's body is in memory; from a redirect's target it is not.

    The client is the user's: its timeouts and errors are httpx's, and nothing is repeated.

    Raises:
        InvalidCallError: The request or a redirect leaves the base URL, or the client is a
            synchronous one.
        TokenAcquisitionError: There is no token; UserChallengeError where the user must act.
    """

    def __init__(
        self, plan: ApiPlan, exchange: Exchange, *, for_app: bool, user: Principal | None
    ) -> None:
        self._plan = plan
        self._exchange = exchange
        self._for_app = for_app
        self._user = user

    def __repr__(self) -> str:
        return f"DownstreamAuth({self._plan.name!r})"

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Attach the token; once more with another one where the API demands claims."""
        plan = self._plan
        check_below(plan.base, request.url)
        check_target(request)
        _fence(request, plan.base)
        authorization = await self._exchange.authorization(
            plan, plan.acquire, for_app=self._for_app, user=self._user
        )
        request.headers["Authorization"] = authorization
        response = yield request
        _check_followed(response, plan.base)
        claims = None if response.history else claims_wanted(response)
        if claims is None or not _can_be_sent_again(request):
            return
        request.headers["Authorization"] = await self._exchange.answer_to(
            claims, plan, for_app=self._for_app, user=self._user
        )
        _check_followed((yield request), plan.base)

    def sync_auth_flow(
        self,
        request: httpx.Request,  # noqa: ARG002 - httpx passes it
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Refuse: tokens are acquired on the event loop."""
        raise InvalidCallError(
            "This auth works with httpx.AsyncClient only.",
            code="async_only",
            remedy="use an httpx.AsyncClient",
        )


def _fence(request: httpx.Request, base: BaseUrl) -> None:
    """Have every request that is made of *request* judged before its header is sent.

    httpx follows redirects without asking the auth, but hands the extensions on.
    """
    told = request.extensions.get("trace")

    async def traced(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            sent = info["request"]
            if any(name.lower() == b"authorization" for name, _ in sent.headers):
                check_below(base, _url_of(sent.url))
        if told is not None:
            await told(event, info)

    request.extensions = {**request.extensions, "trace": traced}


def _url_of(url: Any) -> httpx.URL:
    target = url.target.decode("ascii")
    if target.startswith(("http://", "https://")):
        # As it is for a proxy.
        return httpx.URL(target)
    host = url.host.decode("ascii")
    return httpx.URL(
        scheme=url.scheme.decode("ascii"), host=host, port=url.port, raw_path=url.target
    )


def _check_followed(response: httpx.Response, base: BaseUrl) -> None:
    for answer in (*response.history, response):
        if "authorization" in answer.request.headers:
            check_below(base, answer.request.url)


def _can_be_sent_again(request: httpx.Request) -> bool:
    try:
        return isinstance(request.content, bytes)
    except httpx.RequestNotRead:
        return False
