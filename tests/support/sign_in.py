"""What a client does around a sign-in: the authorize address, and the redemption of its code."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import httpx
from tests.support.browser import Browser

from msidweb.testing import App, EntraEmulator

VERIFIER = "v" * 43
CALLBACK = "https://app.contoso.example/signin-oidc"


def challenge(verifier: str = VERIFIER) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(slots=True)
class Client:
    """An application as its developers would write it by hand."""

    entra: EntraEmulator
    app: App
    http: httpx.AsyncClient
    browser: Browser
    scope: str
    redirect_uri: str = CALLBACK
    origin: str | None = None
    resource: App | None = None

    def fields(self, **changed: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        fields = {
            "client_id": self.app.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": self.scope,
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": challenge(),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (fields | changed).items() if value is not None}

    async def begin(self, *, tenant: str | None = None, **changed: str | None):
        """Send the browser to the authorize address."""
        url = f"{self.entra.authority(tenant)}/oauth2/v2.0/authorize"
        return await self.browser.open(url, **self.fields(**changed))

    async def redeem(self, code: str, *, tenant: str | None = None, **changed: str | None):
        """Trade a code; None leaves a field out."""
        fields = {
            "grant_type": "authorization_code",
            "client_id": self.app.client_id,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
            "scope": self.scope,
        }
        return await self.ask(tenant, fields | changed)

    async def refresh(self, token: str, **changed: str | None):
        """Trade a refresh token."""
        fields = {
            "grant_type": "refresh_token",
            "client_id": self.app.client_id,
            "refresh_token": token,
            "scope": self.scope,
        }
        return await self.ask(None, fields | changed)

    async def ask(self, tenant: str | None, fields: dict[str, str | None]):
        if self.app.secrets and "client_secret" not in fields:
            fields = fields | {"client_secret": self.app.client_secret}
        sent = {name: value for name, value in fields.items() if value is not None}
        headers = {"Origin": self.origin} if self.origin else {}
        return await self.http.post(self.entra.token_endpoint(tenant), data=sent, headers=headers)
