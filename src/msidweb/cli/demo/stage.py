"""The servers of the demo on loopback TLS, and a client that calls the API."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from msidweb import IdentityBuilder
from msidweb.telemetry import Event, TokenAcquired
from msidweb.testing import App, EntraEmulator, LocalServer, User, environment_of, serve_tls

from .downstream import GraphApi, PartnerApi
from .example import example_app, example_folder


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of the client, as it came back.

    Attributes:
        call: What was called.
        status: HTTP status.
        body: Parsed JSON.
        challenge: The WWW-Authenticate field, if any.
        sources: Where the API's downstream tokens came from.
        milliseconds: How long it took.
    """

    call: str
    status: int
    body: Any
    challenge: str | None
    sources: tuple[str, ...]
    milliseconds: float


@dataclass(slots=True)
class Stage:
    """Everything that runs, and the switches that break it."""

    entra: EntraEmulator
    api: App
    partner: PartnerApi
    graph: GraphApi
    alice: User
    carol: User
    only_good_tokens: bool = False
    addresses: dict[str, str] = field(default_factory=dict)
    client: httpx.AsyncClient = field(init=False, repr=False)
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)
    _heard: list[TokenAcquired] = field(default_factory=list, repr=False)

    def token_of(self, user: User) -> str:
        """The access token that *user* signed in for; the same until :meth:`sign_in_again`."""
        if user.oid not in self._tokens:
            self._tokens[user.oid] = self.entra.user_token(user, resource=self.api)
        return self._tokens[user.oid]

    def sign_in_again(self, user: User) -> None:
        """Throw the user's token away: the next one is new."""
        self._tokens.pop(user.oid, None)

    def wrong_tokens(self) -> list[str | None]:
        """None, a token for another API, and one with a damaged signature."""
        good = self.token_of(self.alice)
        if self.only_good_tokens:
            return [good]
        foreign = self.entra.user_token(self.alice, resource=self.partner.resource)
        head, _, signature = good.rpartition(".")
        return [None, foreign, f"{head}.{signature[::-1]}"]

    def expired_token(self) -> str:
        """A token that ended ten minutes ago."""
        if self.only_good_tokens:
            return self.token_of(self.alice)
        ended = self.entra.clock.time() - 600
        return self.entra.user_token(self.alice, resource=self.api, claims={"exp": int(ended)})

    def hear(self, event: Event) -> None:
        """Telemetry hook of the API."""
        if isinstance(event, TokenAcquired):
            self._heard.append(event)

    async def call(self, method: str, path: str, *, token: str | None, json: object = None) -> Seen:
        """Call the API as a client with *token* does."""
        self._heard.clear()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        started = time.perf_counter()
        response = await self.client.request(method, path, headers=headers, json=json)
        return Seen(
            call=f"{method} {path}",
            status=response.status_code,
            body=response.json(),
            challenge=response.headers.get("www-authenticate"),
            sources=tuple(event.source for event in self._heard),
            milliseconds=(time.perf_counter() - started) * 1000,
        )


@contextlib.asynccontextmanager
async def raised() -> AsyncIterator[Stage]:
    """The stage with every server running, taken down at the end."""
    stage = _cast()
    async with contextlib.AsyncExitStack() as stack:
        login = await stack.enter_async_context(serve_tls(stage.entra))
        partner = await stack.enter_async_context(serve_tls(stage.partner.app, ca=login.ca))
        graph = await stack.enter_async_context(serve_tls(stage.graph.app, ca=login.ca))
        app = _api(stage, login, partner=partner, graph=graph)
        api = await stack.enter_async_context(serve_tls(app, ca=login.ca))
        trust = ssl.create_default_context(cafile=login.ca_file)
        stage.client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=api.base_url, verify=trust, trust_env=False)
        )
        stage.addresses = {
            "Entra ID emulator": login.base_url,
            "protected API": f"{api.base_url}/docs",
            "partner API": partner.base_url,
            "graph API": graph.base_url,
            "certificate authority": login.ca_file,
        }
        yield stage


def _cast() -> Stage:
    entra = EntraEmulator()
    spa = entra.add_app("demo-spa", public=True)
    partner = entra.add_app("partner-api", scopes=["read"])
    api = entra.add_app("data-api", scopes=["access_as_user"])
    alice, carol = entra.add_user("Alice"), entra.add_user("Carol")
    entra.consent(client=spa, resource=api)
    entra.consent(client=api, resource=partner, user=alice)
    entra.consent(client=api, resource=entra.graph, scopes=["User.Read"])
    return Stage(entra, api, PartnerApi(entra, partner), GraphApi(entra), alice, carol)


def _api(stage: Stage, login: LocalServer, *, partner: LocalServer, graph: LocalServer) -> Any:
    settings = {
        "AzureAd": {**stage.entra.azure_ad(stage.api), "Audience": stage.api.client_id},
        "DownstreamApis": {
            "PartnerAPI": {
                "BaseUrl": partner.base_url,
                "Scopes": [stage.partner.scope],
            },
            "GraphAPI": {"BaseUrl": f"{graph.base_url}/v1.0"},
        },
        "HttpClients": {
            name: {"CaFile": login.ca_file} for name in ("Entra", "PartnerAPI", "GraphAPI")
        },
    }
    builder = IdentityBuilder.from_appsettings(
        example_folder() / "appsettings.json", environ=environment_of(settings)
    ).add_hook(stage.hear)
    example = example_app()
    return example.create_app(example.build_identity(builder))
