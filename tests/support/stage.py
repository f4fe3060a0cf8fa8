"""The guide's cast on real sockets: Entra ID, the partner's API, and whoever calls a web API."""

import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from msidweb import Identity, IdentityBuilder
from msidweb.telemetry import Event
from msidweb.testing import (
    DownstreamEcho,
    EntraEmulator,
    LocalServer,
    ManualClock,
    User,
    WireRequest,
    environment_of,
    serve_tls,
)
from msidweb.testing.exchange import Answer, AsgiApp, Request

E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Called:
    """A call that reached the partner with a good token."""

    request: Request
    claims: Mapping[str, object]


class PartnerApi:
    """The partner's API: it checks tokens by itself, remembers calls, and answers as it is told.

    Attributes:
        calls: The calls with a good token.
        meanwhile: Awaited before each answer.
    """

    def __init__(self, entra: EntraEmulator) -> None:
        self.resource = entra.add_app("partner-api", scopes=["read", "write"], roles=["Read.All"])
        self.scope = self.resource.scope("read")
        self.calls: list[Called] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self._told: Answer | None = None
        self._echo = DownstreamEcho(entra, self.resource, answer=self._answer)
        self.challenge_next = self._echo.challenge_next

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http" and self.meanwhile is not None:
            await self.meanwhile()
        await self._echo(scope, receive, send)

    @contextlib.contextmanager
    def answering(self, status: int, document: object = None, **headers: str) -> Iterator[None]:
        """Answer every good request so inside the ``with`` block."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self._told = Answer.of_json(document, status=status, headers=fields)
        try:
            yield
        finally:
            self._told = None

    def _answer(self, request: Request, claims: Mapping[str, object]) -> Answer:
        self.calls.append(Called(request, claims))
        if self._told is not None:
            return self._told
        if (request.method, request.path) == ("POST", "/api/process"):
            return Answer.of_json({"accepted": len(json.loads(request.body)["items"])})
        documents: Mapping[str, object] = {
            "/api/users/me": {"name": claims.get("name"), "tenantId": claims["tid"]},
            "/api/data": {"rows": ["first", "second"]},
            "/api/settings": {"theme": "dark"},
        }
        if request.path not in documents:
            return Answer.of_json({"error": "not found"}, status=404)
        return Answer.of_json(documents[request.path])


class Stage:
    """Everything around the web API that a test is about.

    Alice consented to the partner's API and Carol did not; an administrator consented to Graph.

    Attributes:
        clock: The emulator's time; an identity has it with ``builder.override(clock=…)``.
        settings: The guide's appsettings.json with real values, and CA files for the clients.
        events: What identities of :meth:`builder` reported.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.entra = EntraEmulator(clock=self.clock)
        self.partner = PartnerApi(self.entra)
        # Version 1 is what a registration has unless told otherwise; the guide's Audience fits it.
        self.api = self.entra.add_app("data-api", scopes=["access_as_user"], token_version=1)
        self.spa = self.entra.add_app("spa", public=True)
        self.alice = self.entra.add_user("Alice")
        self.carol = self.entra.add_user("Carol")
        self.entra.consent(client=self.spa, resource=self.api)
        self.entra.consent(client=self.api, resource=self.partner.resource, user=self.alice)
        self.entra.consent(client=self.api, resource=self.entra.graph, scopes=["User.Read"])
        self.settings: dict[str, dict[str, object]] = {}
        self.events: list[Event] = []
        self._stack = contextlib.AsyncExitStack()
        self._login: LocalServer
        self._tokens: dict[str, str] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def raised(cls, folder: Path) -> AsyncIterator["Stage"]:
        """A stage whose servers run; *folder* takes the settings file."""
        stage = cls(folder)
        async with stage._stack:
            stage._login = await stage._stack.enter_async_context(serve_tls(stage.entra))
            partner = await stage.serve(stage.partner)
            stage.settings = stage._settings(partner.base_url)
            yield stage

    async def serve(self, app: AsgiApp) -> LocalServer:
        """Serve *app* over TLS until the test ends."""
        return await self._stack.enter_async_context(serve_tls(app, ca=self._login.ca))

    async def client(self, app: AsgiApp) -> httpx.AsyncClient:
        """A client of *app*, which is served over TLS until the test ends."""
        server = await self.serve(app)
        client = httpx.AsyncClient(base_url=server.base_url, verify=self.trust, trust_env=False)
        return await self._stack.enter_async_context(client)

    @property
    def ca_file(self) -> str:
        """The certificate authority of every server."""
        return self._login.ca_file

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client of one's own needs to trust every server."""
        return ssl.create_default_context(cafile=self.ca_file)

    @property
    def environ(self) -> dict[str, str]:
        """The settings as environment variables."""
        return environment_of(self.settings)

    def builder(self) -> IdentityBuilder:
        """A builder over the settings as they are now, written to a file."""
        path = self.folder / "appsettings.json"
        path.write_text(json.dumps(self.settings))
        return IdentityBuilder.from_appsettings(path, environ={}).add_hook(self.events.append)

    def identity(self, builder: IdentityBuilder | None = None) -> Identity:
        """What the guide's chain builds."""
        return (
            (builder or self.builder())
            .add_authentication()
            .add_microsoft_identity_web_api("AzureAd")
            .enable_token_acquisition()
            .add_in_memory_token_caches()
            .add_downstream_apis("DownstreamApis")
            .build()
        )

    def signed_in(self, user: User) -> dict[str, str]:
        """The Authorization field of *user*'s client; one token for all of its calls."""
        if user.oid not in self._tokens:
            self._tokens[user.oid] = self.entra.user_token(user, resource=self.api, client=self.spa)
        return bearer(self._tokens[user.oid])

    def sign_in_again(self, user: User, **how: object) -> dict[str, str]:
        """The same after another sign-in; *how* goes to ``EntraEmulator.user_token``."""
        token = self.entra.user_token(user, resource=self.api, client=self.spa, **how)
        self._tokens[user.oid] = token
        return bearer(token)

    def heard(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def exchanges(self) -> list[WireRequest]:
        """The token requests that reached Entra ID."""
        return self.entra.wire.token_requests

    def _settings(self, partner: str) -> dict[str, dict[str, object]]:
        return {
            "AzureAd": {
                **self.entra.azure_ad(self.api),
                "Audience": f"api://{self.api.client_id}",
            },
            "DownstreamApis": {
                "GraphAPI": {
                    "BaseUrl": f"{self._login.base_url}/v1.0",
                    "Scopes": ["https://graph.microsoft.com/.default"],
                },
                "PartnerAPI": {"BaseUrl": partner, "Scopes": [self.partner.scope]},
            },
            "HttpClients": {
                name: {"CaFile": self.ca_file} for name in ("Entra", "PartnerAPI", "GraphAPI")
            },
        }


def bearer(token: str) -> dict[str, str]:
    """The Authorization field for *token*."""
    return {"Authorization": f"Bearer {token}"}
