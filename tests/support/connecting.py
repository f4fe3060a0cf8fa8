"""A DownstreamApi over a real transport, for one server on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from tests.support.downstream import Tokens, api_options

from msidweb.configuration.options import HttpClientOptions
from msidweb.downstream import DownstreamApi
from msidweb.http import HttpClients
from msidweb.telemetry import Hook, Telemetry

Connect = Callable[..., DownstreamApi]


@contextlib.asynccontextmanager
async def connecting(transport: str) -> AsyncIterator[Connect]:
    """Makes a DownstreamApi whose "api" is at a URL; its clients are closed at the end."""
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
        chosen = HttpClientOptions(transport=transport, **options)
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

    try:
        yield connect
    finally:
        for clients in made:
            await clients.aclose()
