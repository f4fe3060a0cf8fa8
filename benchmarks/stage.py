"""What the questions share: an emulated tenant, and identities over an Entra ID without cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from msidweb import Configuration, CredentialDescription, Identity, IdentityBuilder, Principal
from msidweb.principal import Assertion
from msidweb.testing import EntraEmulator, Sample, sample_tenant

from .authority_process import Served

PARTNER_URL = "https://partner.example"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Stage:
    """The emulator's sample tenant: its API, what that calls, and who calls it."""

    def __init__(self) -> None:
        self.entra = EntraEmulator()
        self.sample: Sample = sample_tenant(self.entra)
        self.scope = f"{self.sample.partner.app_id_uri}/read"
        self.authority = self.entra.authority()
        self.client_id = self.sample.api.client_id
        self.secret = self.sample.api.client_secret
        self._secret = CredentialDescription(source_type="ClientSecret", client_secret=self.secret)

    def token(self) -> str:
        """A new token of Alice for the API."""
        return self.entra.user_token(self.sample.alice, resource=self.sample.api)

    def callers(self, count: int) -> list[Principal]:
        """As many sign-ins with tokens of their own, as validation would hand them out."""
        token, alice = self.token(), self.sample.alice
        return [
            Principal(
                {"oid": alice.oid, "tid": self.entra.tenant.id},
                tenant_id=self.entra.tenant.id,
                object_id=alice.oid,
                client_id=self.sample.spa.client_id,
                scopes=frozenset({"access_as_user"}),
                roles=frozenset(),
                is_app=False,
                expires_at=time.time() + 3600,
                assertion=Assertion(f"{token}{number}"),
            )
            for number in range(count)
        ]

    async def answer(self) -> bytes:
        """What the token endpoint answers to an exchange of Alice's token."""
        form = {
            "grant_type": _GRANT,
            "client_id": self.client_id,
            "client_secret": self.secret,
            "assertion": self.token(),
            "scope": f"{self.scope} openid profile offline_access",
            "requested_token_use": "on_behalf_of",
            "client_info": "1",
        }
        async with httpx.AsyncClient(transport=self.entra.transport()) as client:
            response = await client.post(self.entra.token_endpoint(), data=form)
        return response.raise_for_status().content

    def identity(
        self,
        entra: httpx.AsyncBaseTransport | None = None,
        *,
        served: Served | None = None,
        partner: httpx.AsyncBaseTransport | None = None,
        cache: Mapping[str, Any] | None = None,
        credential: CredentialDescription | None = None,
    ) -> Identity:
        """The API's identity, over the emulator unless *entra* or a process stands for it."""
        entra_client: dict[str, Any] = {"transport": entra or self.entra.transport()}
        if served is not None:
            entra_client = {"ca_file": served.ca_file, "timeout": 60.0}
        builder = (
            IdentityBuilder(Configuration.of_environment(environ={}))
            .add_microsoft_identity_web_api(
                None,
                instance=served.base_url if served else "https://login.microsoftonline.com/",
                tenant_id=self.entra.tenant.id,
                client_id=self.client_id,
                client_credentials=[credential or self._secret],
            )
            .enable_token_acquisition()
            .add_in_memory_token_caches(**(cache or {}))
            .add_http_client("Entra", **entra_client)
            .add_downstream_api("Partner", base_url=PARTNER_URL, scopes=[self.scope])
        )
        if partner is not None:
            builder.add_http_client("Partner", transport=partner)
        return builder.build()


@dataclass(frozen=True, slots=True)
class NullEntra(httpx.AsyncBaseTransport):
    """A token endpoint that answers the same to everybody, after *latency* seconds."""

    body: bytes
    latency: float = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.latency)
        headers = [(b"content-type", b"application/json; charset=utf-8")]
        stream = httpx.ByteStream(self.body)
        return httpx.Response(200, headers=headers, stream=stream, request=request)
