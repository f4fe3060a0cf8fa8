"""What does a downstream call cost beside the HTTP client that carries it?"""

from __future__ import annotations

import functools

import httpx

from .measure import Row, awaited, best_of
from .stage import PARTNER_URL, NullEntra, Stage

AIM = 1.2


async def rows(*, number: int = 300, rounds: int = 15) -> list[Row]:
    stage = Stage()
    caller = stage.callers(1)[0]
    entra, partner = NullEntra(await stage.answer()), httpx.MockTransport(_answer)
    async with (
        stage.identity(entra, partner=partner) as identity,
        httpx.AsyncClient(transport=partner, trust_env=False) as bare,
    ):
        call = functools.partial(
            identity.downstream_api.get_for_user, "Partner", "users/me", user=caller
        )
        token = await identity.token_acquirer.get_token_for_user([stage.scope], user=caller)

        async def plain() -> object:
            headers = {"Authorization": token.header}
            response = await bare.get(f"{PARTNER_URL}/users/me", headers=headers)
            return response.raise_for_status().json()

        assert await call() == await plain()
        ours, theirs = await best_of(
            awaited(call, number=number), awaited(plain, number=number), rounds=rounds
        )
    call_row = "a downstream call with a cached token"
    return [Row(call_row, ours, theirs, "the bare httpx client", AIM)]


def _answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"path": request.url.path, "name": "Alice"})
