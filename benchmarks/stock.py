"""What ours is held against: stock MSAL and azure-identity, over HTTP clients that cost nothing."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Self

import httpx
import msal
from azure.identity.aio import OnBehalfOfCredential

from .authority_process import Served
from .stage import Stage


def msal_application(
    stage: Stage, answer: bytes, *, latency: float = 0.0, credential: object = None
) -> msal.ConfidentialClientApplication:
    """MSAL's application for the stage's API, as its documentation says to make it."""
    return msal.ConfidentialClientApplication(
        stage.client_id,
        authority=stage.entra.authority(),
        client_credential=credential or stage.secret,
        instance_discovery=False,
        http_client=_MsalHttp(stage, answer, latency),
    )


def stock_msal(stage: Stage, served: Served) -> msal.ConfidentialClientApplication:
    """The same over its own HTTP client."""
    return msal.ConfidentialClientApplication(
        stage.client_id,
        authority=f"{served.base_url}/{stage.entra.tenant.id}",
        client_credential=stage.secret,
        instance_discovery=False,
        verify=served.ca_file,
    )


def azure_credential(stage: Stage, answer: bytes) -> OnBehalfOfCredential:
    """azure-identity's credential for one token of Alice."""
    return OnBehalfOfCredential(
        stage.entra.tenant.id,
        stage.client_id,
        client_secret=stage.secret,
        user_assertion=stage.token(),
        transport=_AzureTransport(answer),
    )


class _MsalHttp:
    """MSAL's ``http_client``: metadata at once, the token answer after *latency* seconds."""

    def __init__(self, stage: Stage, answer: bytes, latency: float) -> None:
        endpoint = stage.entra.token_endpoint()
        metadata = {
            "issuer": f"{stage.entra.authority()}/v2.0",
            "token_endpoint": endpoint,
            "authorization_endpoint": endpoint.replace("/token", "/authorize"),
        }
        self._metadata = httpx.Response(200, json=metadata, request=httpx.Request("GET", endpoint))
        self._answer = httpx.Response(200, content=answer, request=httpx.Request("POST", endpoint))
        self._latency = latency

    def get(self, url: str, **_: object) -> httpx.Response:
        del url
        return self._metadata

    def post(self, url: str, **_: object) -> httpx.Response:
        del url
        time.sleep(self._latency)
        return self._answer

    def close(self) -> None:
        """Nothing is open."""


class _AzureTransport:
    """azure-core's transport, as far as a token request goes."""

    def __init__(self, answer: bytes) -> None:
        text = answer.decode()
        kind = "application/json"
        self._response = SimpleNamespace(
            status_code=200,
            content_type=kind,
            headers={"Content-Type": kind},
            text=lambda _=None: text,
        )

    async def send(self, request: object, **_: object) -> SimpleNamespace:
        del request
        return self._response

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def close(self) -> None:
        """Nothing is open."""
