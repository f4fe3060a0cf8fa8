"""What does a token cost that is in the cache?"""

from __future__ import annotations

import functools
import json

from msidweb.principal import principal_scope

from .measure import Row, awaited, best_of, plain
from .stage import NullEntra, Stage
from .stock import azure_credential, msal_application

AIM = 1 / 15


async def rows(*, number: int = 5_000, rounds: int = 15) -> list[Row]:
    stage = Stage()
    answer = await stage.answer()
    caller = stage.callers(1)[0]
    # Stock MSAL never reads its cache for on-behalf-of; its hit is the one for the application.
    msal = functools.partial(
        msal_application(stage, _for_application(answer)).acquire_token_for_client,
        [f"{stage.sample.partner.app_id_uri}/.default"],
    )
    azure = functools.partial(azure_credential(stage, answer).get_token, stage.scope)
    async with stage.identity(NullEntra(answer)) as identity:
        ask = functools.partial(identity.token_acquirer.get_token_for_user, [stage.scope])
        explicit = functools.partial(ask, user=caller)
        with principal_scope(caller):
            await explicit()
            await azure()
            msal()
            assert msal()["token_source"] == "cache"
            given, ambient, msals, azures = await best_of(
                awaited(explicit, number=number),
                awaited(ask, number=number),
                plain(msal, number=number // 10),
                awaited(azure, number=number // 10),
                rounds=rounds,
            )
    return [
        Row("cached token of a given user", given, msals, "MSAL's hit for the application", AIM),
        Row("cached token of the ambient user", ambient, msals, "MSAL's hit for the application", AIM),
        Row("cached token of the ambient user", ambient, azures, "azure-identity's on behalf of"),
    ]


def _for_application(answer: bytes) -> bytes:
    """The answer to client credentials: it names no scope and no user."""
    members = json.loads(answer)
    return json.dumps(
        {name: members[name] for name in ("token_type", "expires_in", "access_token")}
    ).encode()
