"""What does a token cost that is in the cache?"""

from __future__ import annotations

import functools
import json
import time

from msidweb.principal import principal_scope

from .measure import Row, awaited, best_of, plain, since
from .stage import NullEntra, Stage
from .stock import azure_credential, msal_application

AIM = 1 / 15


async def rows(*, number: int = 5_000, rounds: int = 15) -> list[Row]:
    stage = Stage()
    answer = await stage.answer()
    caller = stage.callers(1)[0]
    # Stock MSAL never reads its cache for on-behalf-of; its hit is the one for the application.
    msal = functools.partial(
        msal_application(stage, for_application(answer)).acquire_token_for_client,
        [f"{stage.sample.partner.app_id_uri}/.default"],
    )
    azure = functools.partial(azure_credential(stage, answer).get_token, stage.scope)
    async with stage.identity(NullEntra(answer)) as identity:
        get_token, scopes = identity.token_acquirer.get_token_for_user, [stage.scope]

        # Written out: a call that is handed on costs a sixth of what is measured here.
        async def given_lap() -> float:
            started = time.perf_counter()
            for _ in range(number):
                await get_token(scopes, user=caller)
            return since(started, number)

        async def ambient_lap() -> float:
            started = time.perf_counter()
            for _ in range(number):
                await get_token(scopes)
            return since(started, number)

        with principal_scope(caller):
            await get_token(scopes)
            await azure()
            msal()
            assert msal()["token_source"] == "cache"
            given, ambient, msals, azures = await best_of(
                given_lap,
                ambient_lap,
                plain(msal, number=max(1, number // 5)),
                awaited(azure, number=max(1, number // 5)),
                rounds=rounds,
            )
    return [
        Row("cached token of a given user", given, msals, "MSAL's hit for the application", AIM),
        Row(
            "cached token of the ambient user",
            ambient,
            msals,
            "MSAL's hit for the application",
            AIM,
        ),
        Row("cached token of the ambient user", ambient, azures, "azure-identity's on behalf of"),
    ]


def for_application(answer: bytes) -> bytes:
    """The answer to client credentials: it names no scope and no user."""
    members = json.loads(answer)
    return json.dumps(
        {name: members[name] for name in ("token_type", "expires_in", "access_token")}
    ).encode()
