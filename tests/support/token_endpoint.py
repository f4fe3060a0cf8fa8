"""A small token endpoint behind httpx's mock transport, and an acquirer that asks it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx

from msidweb.acquisition import TokenAcquirer, TokenRequestDraft
from msidweb.authority import resolve_authority
from msidweb.cache import TokenCache
from msidweb.concurrency import BackgroundTasks, Callback
from msidweb.configuration.options import HttpClientOptions, MicrosoftIdentityOptions
from msidweb.credentials import ClientCredential, CredentialChain, load_credentials
from msidweb.principal import Assertion, Principal
from msidweb.telemetry import Event, Telemetry
from msidweb.testing.clock import ManualClock

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-8888-7777-6666-555555555555"
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SECRET = "s3cret~value.with-some_length.0123456789"
NOW = 1_795_557_420.0


@dataclass
class Asked:
    """One token request as it arrived."""

    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


def granted(number: int, asked: Asked, **changes: object) -> httpx.Response:
    """The usual answer: a token that names its number, and whose assertion it is for."""
    body: dict[str, object] = {
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "access_token": f"at-{number}-{asked.form.get('assertion', 'app')}",
    }
    if "assertion" in asked.form:
        body["scope"] = asked.form["scope"].replace("offline_access", "email")
        body["refresh_token"] = "refresh-token-canary-0123456789"
        body["client_info"] = encoded({"uid": "u", "utid": "t"})
    body |= changes
    return httpx.Response(200, json={k: v for k, v in body.items() if v is not None})


def refused(
    status: int = 400, *, headers: Mapping[str, str] | None = None, **body: object
) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


Answer = Callable[[int, Asked], httpx.Response]


@dataclass
class Endpoint:
    """Answers token requests, and remembers them."""

    answer: Answer = granted
    asked: list[Asked] = field(default_factory=list)
    gate: asyncio.Event | None = None
    under_way: int = 0
    most_under_way: int = 0

    async def reached(self, count: int) -> None:
        """Wait until so many requests are under way."""
        while self.under_way < count:  # noqa: ASYNC110 - turns of the loop are what it takes
            await asyncio.sleep(0)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        asked = Asked(str(request.url), request.headers, form)
        self.asked.append(asked)
        number = len(self.asked)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.gate is not None:
                await self.gate.wait()
            return self.answer(number, asked)
        finally:
            self.under_way -= 1


class StandInClients:
    def __init__(self, endpoint: Endpoint, **options: object) -> None:
        self._client = httpx.AsyncClient(transport=httpx.MockTransport(endpoint))
        self._options = HttpClientOptions.model_validate(options)

    def client(self, name: str) -> httpx.AsyncClient:
        assert name == "Entra"
        return self._client

    def options(self, name: str) -> HttpClientOptions:
        return self._options


class Bench:
    """An acquirer and everything around it."""

    def __init__(
        self,
        answer: Answer = granted,
        *,
        credentials: Sequence[ClientCredential] | None = None,
        clock: ManualClock | None = None,
        hooked: bool = False,
        pii: bool = False,
        timeout: float = 10.0,
        callbacks: Sequence[Callback[TokenRequestDraft]] = (),
        **options: object,
    ) -> None:
        self.clock = clock or ManualClock(NOW)
        self.events: list[Event] = []
        self.telemetry = Telemetry([self.events.append] if hooked else [], pii=pii)
        self.endpoint = Endpoint(answer)
        self.cache = TokenCache()
        self.background = BackgroundTasks()
        self.slept: list[float] = []
        self.options = MicrosoftIdentityOptions.model_validate(
            {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET, **options}
        )
        self.acquirer = TokenAcquirer(
            options=self.options,
            authority=resolve_authority(self.options),
            clients=StandInClients(self.endpoint, timeout=timeout),
            cache=self.cache,
            credentials=self.chain(*credentials)
            if credentials is not None
            else load_credentials(self.options, clock=self.clock, telemetry=self.telemetry),
            clock=self.clock,
            telemetry=self.telemetry,
            background=self.background,
            sleep=self._sleep,
            on_before_token_request=callbacks,
        )

    def chain(self, *credentials: ClientCredential) -> CredentialChain:
        """A chain of these credentials."""
        return CredentialChain(
            credentials, client_id=CLIENT, clock=self.clock, telemetry=self.telemetry
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def asked(self) -> list[Asked]:
        return self.endpoint.asked

    async def settle(self) -> None:
        """Let every background renewal end."""
        await self.background.aclose()


def principal(
    token: str = "user.one.token",
    *,
    object_id: str | None = "00000000-0000-0000-0000-000000000001",
    tenant_id: str = TENANT,
    expires_at: float = NOW + 3_600,
    is_app: bool = False,
    scheme: str = "Bearer",
) -> Principal:
    return Principal(
        {},
        tenant_id=tenant_id,
        object_id=object_id,
        client_id=None,
        scopes=frozenset(),
        roles=frozenset(),
        is_app=is_app,
        expires_at=expires_at,
        assertion=Assertion(token) if token else None,
        scheme=scheme,
    )
