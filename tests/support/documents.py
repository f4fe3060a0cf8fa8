"""An authority's documents behind httpx, with faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from tests.support.signing import TENANT

from msidweb.authority import Authority, AuthorityKeys
from msidweb.clock import Clock
from msidweb.concurrency import BackgroundTasks
from msidweb.telemetry import Event, Telemetry


class DocumentServer:
    """Serves metadata and keys as the real hosts do; attributes can be changed at any time."""

    def __init__(
        self,
        keys: Sequence[dict[str, Any]],
        *,
        host: str = "login.microsoftonline.com",
        tenant: str = TENANT,
        sts: str = "sts.windows.net",
        cloud: str | None = None,
    ) -> None:
        self.key_document: Any = {"keys": list(keys)}
        self.v2: Any = {
            "issuer": f"https://{host}/{tenant}/v2.0",
            "jwks_uri": f"https://{host}/discovery/v2.0/keys",
        }
        if cloud:
            self.v2["cloud_instance_name"] = cloud
        self.v1: Any = {"issuer": f"https://{sts}/{tenant}/"}
        self.fault: Callable[[str], httpx.Response | None] | None = None
        self.hold: asyncio.Event | None = None
        self.asked: list[str] = []
        self.held = asyncio.Event()

    @property
    def refreshes(self) -> int:
        """How often the v2 metadata was asked for."""
        return sum(
            1 for url in self.asked if url.endswith("/v2.0/.well-known/openid-configuration")
        )

    def publish(self, *keys: dict[str, Any]) -> None:
        self.key_document = {"keys": list(keys)}

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.asked.append(url)
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        if self.fault is not None and (answer := self.fault(url)) is not None:
            return answer
        if url.endswith("/v2.0/.well-known/openid-configuration"):
            return httpx.Response(200, json=self.v2)
        if url.endswith("/.well-known/openid-configuration"):
            return httpx.Response(200, json=self.v1)
        if url == self.v2.get("jwks_uri"):
            return httpx.Response(200, json=self.key_document)
        return httpx.Response(404)


class OneClient:
    """Hands out one client under every name."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._client = httpx.AsyncClient(transport=transport)
        self.names: list[str] = []

    def client(self, name: str) -> httpx.AsyncClient:
        self.names.append(name)
        return self._client


class StandingKeys:
    """A key set that is there already."""

    def __init__(self, current: Any) -> None:
        self.current = current
        self.searched: list[str] = []

    async def search(self, kid: str) -> Any:
        from msidweb.errors import UnknownKeyError

        self.searched.append(kid)
        raise UnknownKeyError("unknown", rule="K1")


def authority_keys(
    server: DocumentServer,
    *,
    clock: Clock,
    authority: Authority | None = None,
    events: list[Event] | None = None,
    background: BackgroundTasks | None = None,
    patience: float = 2.0,
) -> AuthorityKeys:
    """Keys fetched from *server*, without jitter."""
    hooks = [] if events is None else [events.append]
    return AuthorityKeys(
        authority or Authority("login.microsoftonline.com", TENANT),
        OneClient(httpx.MockTransport(server)),
        clock=clock,
        telemetry=Telemetry(hooks, correlation_id="own"),
        background=BackgroundTasks() if background is None else background,
        patience=patience,
        jitter=lambda: 0.0,
    )
