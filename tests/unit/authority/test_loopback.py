"""The keys over real sockets: TLS on loopback, a port in the host, a server that goes away."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme
from tests.support.signing import NOW, TENANT, key_pair

from msidweb.authority import AuthorityKeys, resolve_authority
from msidweb.concurrency import BackgroundTasks
from msidweb.configuration.options import (
    ENTRA_CLIENT,
    HttpClientOptions,
    MicrosoftIdentityOptions,
)
from msidweb.errors import MetadataUnavailableError
from msidweb.http import HttpClients
from msidweb.telemetry import Telemetry
from msidweb.testing.clock import ManualClock


class Site:
    """Answers every GET with the document at its path, or with a redirect for none."""

    def __init__(self) -> None:
        self.documents: dict[str, object] = {}
        self.asked: list[str] = []
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked.append(path)
        status = "200 OK" if path in self.documents else "302 Found\r\nLocation: /elsewhere"
        body = json.dumps(self.documents.get(path)).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    def publish(self) -> None:
        base = f"https://localhost:{self.port}"
        self.documents = {
            f"/{TENANT}/v2.0/.well-known/openid-configuration": {
                "issuer": f"{base}/{TENANT}/v2.0",
                "jwks_uri": f"{base}/keys",
            },
            f"/{TENANT}/.well-known/openid-configuration": {"issuer": f"{base}/{TENANT}/"},
            "/keys": {"keys": [key_pair("first").jwk()]},
        }


@pytest.fixture
async def site(tmp_path) -> AsyncIterator[Site]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    site = Site()
    server = await asyncio.start_server(site, "127.0.0.1", 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    site.publish()
    async with server:
        yield site


@pytest.fixture(params=["httpx", "aiohttp"])
async def keys(request, site, tmp_path) -> AsyncIterator[AuthorityKeys]:
    options = HttpClientOptions(ca_file=str(tmp_path / "ca.pem"), transport=request.param)
    clients = HttpClients({ENTRA_CLIENT: options}, telemetry=Telemetry())
    clients.open()
    background = BackgroundTasks()
    address = MicrosoftIdentityOptions(instance=f"https://localhost:{site.port}", tenant_id=TENANT)
    yield AuthorityKeys(
        resolve_authority(address),
        clients,
        clock=ManualClock(NOW),
        telemetry=Telemetry(),
        background=background,
    )
    await background.aclose()
    await clients.aclose()


async def test_documents_come_over_tls_from_a_host_with_a_port(site, keys):
    found = await keys.search("first")
    assert found.issuer_v1 == f"https://localhost:{site.port}/{TENANT}/"
    assert sorted(site.asked) == sorted(site.documents)


async def test_a_redirect_is_not_followed(site, keys):
    del site.documents["/keys"]
    with pytest.raises(MetadataUnavailableError, match="answered 302"):
        await keys.search("first")
    assert "/elsewhere" not in site.asked


async def test_a_host_that_nobody_vouches_for_is_not_believed(site):
    address = MicrosoftIdentityOptions(instance=f"https://localhost:{site.port}", tenant_id=TENANT)
    clients = HttpClients({}, telemetry=Telemetry())
    clients.open()
    stranger = AuthorityKeys(
        resolve_authority(address),
        clients,
        clock=ManualClock(NOW),
        telemetry=Telemetry(),
        background=BackgroundTasks(),
    )
    with pytest.raises(MetadataUnavailableError, match="did not answer"):
        await stranger.search("first")
    assert site.asked == []
    await clients.aclose()
