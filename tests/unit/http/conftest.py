from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from msidweb.configuration.options import HttpClientOptions
from msidweb.http import HttpClients
from msidweb.telemetry import Telemetry

MakeClient = Callable[..., httpx.AsyncClient]


@pytest.fixture(params=["httpx", "aiohttp"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def make_client(transport: str) -> AsyncIterator[MakeClient]:
    made: list[HttpClients] = []

    def make(**options: Any) -> httpx.AsyncClient:
        settings = HttpClientOptions(**{"transport": transport, "timeout": 20.0, **options})
        clients = HttpClients({"Api": settings}, telemetry=Telemetry())
        clients.open()
        made.append(clients)
        return clients.client("Api")

    yield make
    for clients in made:
        await clients.aclose()


@pytest.fixture
async def client(make_client: MakeClient) -> httpx.AsyncClient:
    return make_client()
