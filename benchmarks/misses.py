"""What do a thousand cold on-behalf-of exchanges at a time cost the processor?"""

from __future__ import annotations

import asyncio
import functools
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import msal

from msidweb import Identity, Principal

from .authority_process import authority_process
from .measure import MICRO, Row, best_of
from .stage import NullEntra, Stage
from .stock import msal_application, stock_msal

AIM = 1 / 3
MEMORY_AIM, WIRE_AIM = 2.2, 1.3
THREADS = 64
LATENCY = 0.02


async def rows(*, users: int = 1_000, rounds: int = 5, latency: float = LATENCY) -> list[Row]:
    stage = Stage()
    answer = await stage.answer()
    # The first ones open the connections; the tokens that are measured are cold all the same.
    first, callers = stage.callers(THREADS), stage.callers(users)
    entra = NullEntra(answer, latency)

    async def ours(identity: Identity) -> float:
        async with identity:
            ask = functools.partial(identity.token_acquirer.get_token_for_user, [stage.scope])
            await asyncio.gather(*(ask(user=caller) for caller in first))
            started = time.process_time()
            tokens = await asyncio.gather(*(ask(user=caller) for caller in callers))
            spent = time.process_time() - started
        assert {token.source for token in tokens} == {"identity_provider"}
        return spent / users * MICRO

    async def msals(application: msal.ConfidentialClientApplication) -> float:
        ask = functools.partial(_ask_msal, application, stage.scope)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(ask, first))
            started = time.process_time()
            tokens = list(pool.map(ask, callers))
            spent = time.process_time() - started
        assert all("access_token" in token for token in tokens)
        return spent / users * MICRO

    async def by_hand(client: httpx.AsyncClient, endpoint: str) -> float:
        exchange = functools.partial(_exchange, client, endpoint, stage)
        await asyncio.gather(*map(exchange, first))
        started = time.process_time()
        tokens = await asyncio.gather(*map(exchange, callers))
        spent = time.process_time() - started
        assert len(tokens) == users
        return spent / users * MICRO

    async def by_hand_from_memory() -> float:
        async with httpx.AsyncClient(transport=entra, trust_env=False) as client:
            return await by_hand(client, stage.entra.token_endpoint())

    async def by_hand_wired() -> float:
        # Over our own transport, so that what is compared is all the rest.
        async with stage.identity(served=served) as identity:
            endpoint = identity.container.authority().token_endpoint()
            return await by_hand(identity.http_client("Entra"), endpoint)

    async with authority_process(answer, latency=latency) as served:
        wired, stock, own, theirs, floor, wired_floor = await best_of(
            lambda: ours(stage.identity(served=served)),
            lambda: msals(stock_msal(stage, served)),
            lambda: ours(stage.identity(entra)),
            lambda: msals(msal_application(stage, answer, latency=latency)),
            by_hand_from_memory,
            by_hand_wired,
            rounds=rounds,
        )
    count = f"{users:,} exchanges at a time, CPU each"
    return [
        Row(f"{count}, over TLS", wired, stock, f"MSAL in {THREADS} threads", AIM),
        Row(count, own, theirs, f"MSAL in {THREADS} threads without its HTTP client"),
        Row(count, own, floor, "httpx and a form written by hand", MEMORY_AIM),
        Row(f"{count}, over TLS", wired, wired_floor, "the same on our transport", WIRE_AIM),
    ]


def _ask_msal(
    application: msal.ConfidentialClientApplication, scope: str, user: Principal
) -> dict[str, object]:
    assert user.assertion is not None
    answer: dict[str, object] = application.acquire_token_on_behalf_of(
        user.assertion.token, [scope]
    )
    return answer


async def _exchange(client: httpx.AsyncClient, endpoint: str, stage: Stage, user: Principal) -> str:
    """The least that an exchange over httpx can be: no checks, no cache, no errors."""
    assert user.assertion is not None
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "client_id": stage.client_id,
        "client_secret": stage.secret,
        "assertion": user.assertion.token,
        "scope": f"{stage.scope} openid profile offline_access",
        "requested_token_use": "on_behalf_of",
        "client_info": "1",
    }
    response = await client.post(endpoint, data=form)
    token: str = response.json()["access_token"]
    return token
