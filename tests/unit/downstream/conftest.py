from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest
from tests.support.downstream import Tokens, api_options

from msidweb.configuration.options import HttpClientOptions
from msidweb.downstream import DownstreamApi
from msidweb.http import HttpClients
from msidweb.telemetry import Hook, Telemetry

Connect = Callable[..., DownstreamApi]


@pytest.fixture(params=["httpx", "aiohttp"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes a DownstreamApi for one server; its clients are closed at the end."""
    made: list[HttpClients] = []

    def connect(
        url: str,
        *,
        api: Mapping[str, Any] | None = None,
        parts: Mapping[str, Any] | None = None,
        tokens: Tokens | None = None,
        events: Sequence[Hook] = (),
        **options: Any,
    ) -> DownstreamApi:
        telemetry = Telemetry(events)
        chosen = HttpClientOptions(transport=request.param, **options)
        clients = HttpClients({"api": chosen}, telemetry=telemetry)
        clients.open()
        made.append(clients)
        return DownstreamApi(
            {"api": api_options(base_url=url, **(api or {}))},
            acquirer=tokens or Tokens(),
            clients=clients,
            telemetry=telemetry,
            **(parts or {}),
        )

    yield connect
    for clients in made:
        await clients.aclose()
