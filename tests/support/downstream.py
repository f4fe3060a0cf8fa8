"""A token provider that remembers what it was asked, and a DownstreamApi over any transport."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from msidweb.configuration.options import (
    AcquireTokenOptions,
    DownstreamApiOptions,
    HttpClientOptions,
)
from msidweb.downstream import DownstreamApi, RequestHooks
from msidweb.http import HttpClients
from msidweb.principal import Principal
from msidweb.telemetry import Hook, Telemetry
from msidweb.testing.clock import ManualClock
from msidweb.tokens import AcquiredToken

BASE = "https://api.example/v1"
SCOPE = "https://graph.microsoft.com/.default"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a token."""

    for_app: bool
    scopes: tuple[str, ...]
    user: Principal | None
    options: AcquireTokenOptions | None


class Tokens:
    """Hands out numbered tokens; *outcomes* are raised instead, None lets a token through."""

    def __init__(self, outcomes: Iterable[Exception | None] = (), *, key: str = "a-key") -> None:
        self.asked: list[Asked] = []
        self._outcomes: Iterator[Exception | None] = iter(outcomes)
        self._key = key

    async def get_token_for_user(
        self,
        scopes: Sequence[str],
        *,
        user: Principal | None = None,
        options: AcquireTokenOptions | None = None,
    ) -> AcquiredToken:
        return self._token(Asked(False, tuple(scopes), user, _copy(options)), options)

    async def get_token_for_app(
        self, scope: str | Sequence[str], *, options: AcquireTokenOptions | None = None
    ) -> AcquiredToken:
        scopes = (scope,) if isinstance(scope, str) else tuple(scope)
        return self._token(Asked(True, scopes, None, _copy(options)), options)

    def _token(self, asked: Asked, options: AcquireTokenOptions | None) -> AcquiredToken:
        self.asked.append(asked)
        outcome = next(self._outcomes, None)
        if outcome is not None:
            raise outcome
        if options is not None and options.session_key == AcquireTokenOptions.SESSION_KEY_AUTO:
            options.session_key = self._key
        return AcquiredToken(
            access_token=f"token-{len(self.asked)}",
            expires_on=2e9,
            scopes=asked.scopes,
            tenant_id="11111111-2222-3333-4444-555555555555",
        )


def _copy(options: AcquireTokenOptions | None) -> AcquireTokenOptions | None:
    return None if options is None else options.model_copy(deep=True)


Handler = Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers requests in turn, the last answer for ever, and remembers the requests."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = answers

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answers[min(len(self.requests), len(self._answers)) - 1]


def api_options(**fields: object) -> DownstreamApiOptions:
    """Options of an API at BASE that wants SCOPE."""
    return DownstreamApiOptions.model_validate({"base_url": BASE, "scopes": [SCOPE], **fields})


def downstream(
    handler: Handler | HttpClientOptions,
    apis: Mapping[str, DownstreamApiOptions] | None = None,
    *,
    tokens: Tokens | None = None,
    hooks: Sequence[Hook] = (),
    clock: ManualClock | None = None,
    request_hooks: RequestHooks | None = None,
    **parts: Any,
) -> DownstreamApi:
    """A DownstreamApi whose APIs (one called "api", where none are given) are all *handler*."""
    apis = {"api": api_options()} if apis is None else apis
    client = (
        handler
        if isinstance(handler, HttpClientOptions)
        else HttpClientOptions(transport=httpx.MockTransport(handler))
    )
    telemetry = Telemetry(hooks)
    names = {options.http_client_name or name for name, options in apis.items()}
    clients = HttpClients(dict.fromkeys(names, client), telemetry=telemetry)
    clients.open()
    return DownstreamApi(
        apis,
        acquirer=tokens or Tokens(),
        clients=clients,
        telemetry=telemetry,
        clock=clock,
        hooks=request_hooks,
        **parts,
    )
