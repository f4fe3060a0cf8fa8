"""A service with several authentication schemes, and the login hosts of every tenant around it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx
from tests.support.signing import key_pair
from tests.support.token_endpoint import Asked, granted

from msidweb import Identity, IdentityBuilder
from msidweb.telemetry import Event
from msidweb.testing import ManualClock

KEY = key_pair("first")
_METADATA = re.compile(r"/([^/]+)(/v2\.0)?/\.well-known/openid-configuration")


class LoginHosts:
    """Documents of whatever tenant is asked for, all with one key, and a token endpoint."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.down: set[str] = set()
        self.down_paths: set[str] = set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        url, host = str(request.url), request.url.host
        if host in self.down or any(part in url for part in self.down_paths):
            return httpx.Response(503)
        if url.endswith("/oauth2/v2.0/token"):
            self.asked.append(
                Asked(url, request.headers, dict(parse_qsl(request.content.decode())))
            )
            return granted(len(self.asked), self.asked[-1])
        if document := _METADATA.fullmatch(request.url.path):
            tenant, v2 = document.groups()
            shown = "{tenantid}" if tenant in ("common", "organizations") else tenant
            issuer = f"https://{host}/{shown}/v2.0" if v2 else f"https://sts.windows.net/{shown}/"
            keys = f"https://{host}/{tenant}/keys"
            return httpx.Response(200, json={"issuer": issuer, "jwks_uri": keys})
        issuer = f"https://{host}/{{tenantid}}/v2.0"
        return httpx.Response(200, json={"keys": [KEY.jwk(issuer=issuer)]})


class Service:
    """An identity over the login hosts.

    Attributes:
        hosts: What reached them.
        events: What the identity reported.
    """

    def __init__(
        self,
        now: float,
        schemes: Mapping[str | None, Mapping[str, Any]],
        *,
        acquiring: Mapping[str | None, bool] | None = None,
        builder: IdentityBuilder | None = None,
        **apis: Mapping[str, Any],
    ) -> None:
        self.hosts = LoginHosts()
        self.clock = ManualClock(now)
        self.events: list[Event] = []
        builder = builder or IdentityBuilder()
        builder.override(clock=self.clock).add_hook(self.events.append)
        builder.add_http_client("Entra", transport=httpx.MockTransport(self.hosts))
        for name, options in schemes.items():
            builder.add_microsoft_identity_web_api(None, scheme=name, **options)
            if acquiring is None or acquiring.get(name, True):
                builder.enable_token_acquisition()
        for name, api in apis.items():
            builder.add_http_client(name, transport=httpx.MockTransport(_echo))
            builder.add_downstream_api(name, **api)
        self.identity: Identity = builder.build()


async def _echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"authorization": request.headers.get("authorization")})
