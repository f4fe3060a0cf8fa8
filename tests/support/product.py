"""The whole product between an Entra ID and a partner API, in process or over loopback TLS."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from msidweb import Identity, IdentityBuilder, MicrosoftIdentityOptions, Principal
from msidweb.configuration import Configuration
from msidweb.telemetry import Hook
from msidweb.testing import (
    App,
    DownstreamEcho,
    EntraEmulator,
    LocalServer,
    ManualClock,
    User,
    serve_tls,
)
from msidweb.testing.witness import Notary

SCOPES = ("read", "write")
"""The partner's permissions; each is a downstream API of its own, ``Partner-read`` and so on."""

Asgi = Callable[..., Any]
Wrap = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]


class RememberingEmulator(EntraEmulator):
    """Verifies a signature once a token: keys stay the same here, and a campaign sees many."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self._recognized: dict[str, Any] = {}

    def recognize(self, token: str) -> Any:
        if token not in self._recognized:
            self._recognized[token] = super().recognize(token)
        return self._recognized[token]


@dataclass
class Product:
    """An opened identity and everything around it."""

    entra: EntraEmulator
    clock: ManualClock
    api: App
    partner: App
    echo: DownstreamEcho
    notary: Notary
    identity: Identity
    ca_file: str | None = None
    servers: list[LocalServer] = field(default_factory=list)

    def downstream(self, scope: str) -> Any:
        return self.identity.downstream_api.named(f"Partner-{scope}")


def as_it_is(transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    return transport


@contextlib.asynccontextmanager
async def product_in_process(
    *,
    to_entra: Wrap = as_it_is,
    to_partner: Wrap = as_it_is,
    parts: Mapping[str, Any] | None = None,
    cache_bytes: int = 64 * 1024 * 1024,
    **web_api: Any,
) -> AsyncIterator[Product]:
    """The product with ASGI transports; *parts* override those of the container."""
    product = _cast()
    partner = to_partner(httpx.ASGITransport(product.echo))
    builder = (
        _builder(product, "https://partner.example", cache_bytes, web_api)
        .add_http_client("Entra", transport=to_entra(httpx.ASGITransport(product.notary)))
        .override(clock=product.clock, **(parts or {}))
    )
    for scope in SCOPES:
        builder.add_http_client(f"Partner-{scope}", transport=partner)
    product.identity = builder.build()
    async with product.identity:
        yield product


@contextlib.asynccontextmanager
async def product_over_sockets(
    *,
    cache_bytes: int = 64 * 1024 * 1024,
    max_connections: int = 8,
    transport: str = "auto",
    hook: Hook | None = None,
    **web_api: Any,
) -> AsyncIterator[Product]:
    """The product with its own transports, over TLS on loopback."""
    product = _cast()
    async with contextlib.AsyncExitStack() as stack:
        login = await stack.enter_async_context(serve_tls(product.notary))
        partner = await stack.enter_async_context(serve_tls(product.echo, ca=login.ca))
        product.ca_file = login.ca_file
        product.servers = [login, partner]
        builder = _builder(product, partner.base_url, cache_bytes, web_api)
        limits = {"ca_file": login.ca_file, "max_connections": max_connections}
        builder.add_http_client("Caller", **limits)
        for name in ("Entra", *(f"Partner-{scope}" for scope in SCOPES)):
            builder.add_http_client(name, transport=transport, **limits)
        if hook is not None:
            builder.add_hook(hook)
        product.identity = builder.override(clock=product.clock).build()
        await stack.enter_async_context(product.identity)
        yield product


@contextlib.asynccontextmanager
async def served_beside(product: Product, app: Asgi) -> AsyncIterator[str]:
    """The address of *app* while it is served; the product's client "Caller" trusts it."""
    async with serve_tls(app, ca=product.servers[0].ca) as server:
        yield server.base_url


def _cast() -> Product:
    clock = ManualClock()
    entra = RememberingEmulator(clock)
    partner = entra.add_app("partner", scopes=SCOPES, roles=["All"], multi_tenant=True)
    api = entra.add_app("api", scopes=["access_as_user"], multi_tenant=True)
    entra.assign(client=api, resource=partner, roles=["All"])
    entra.consent(client=api, resource=partner)
    echo = DownstreamEcho(entra, partner)
    # The identity comes once its neighbors have addresses.
    none: Any = None
    return Product(entra, clock, api, partner, echo, Notary(entra), none)


def _builder(
    product: Product, partner_url: str, cache_bytes: int, web_api: Mapping[str, Any]
) -> IdentityBuilder:
    section = {**product.entra.azure_ad(product.api), "TenantId": "organizations", **web_api}
    builder = (
        IdentityBuilder(Configuration.of_environment(environ={}))
        .add_microsoft_identity_web_api(MicrosoftIdentityOptions.model_validate(section))
        .enable_token_acquisition()
        .add_in_memory_token_caches(l1_size_limit=cache_bytes)
    )
    for scope in SCOPES:
        builder.add_downstream_api(
            f"Partner-{scope}", base_url=partner_url, scopes=[product.partner.scope(scope)]
        )
    return builder


async def caller(product: Product, user: User, **details: Any) -> Principal:
    """A new sign-in of *user*, validated by the product."""
    token = product.entra.user_token(user, resource=product.api, **details)
    return await product.identity.token_validator.validate(token)
