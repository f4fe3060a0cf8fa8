"""authorities.json, the acquiring half: where tokens are asked for and what they are kept under."""

from __future__ import annotations

from typing import Any

import pytest
from tests.golden.test_authorities_validation import GOLDEN, IDS, TENANT, options_of
from tests.support.token_endpoint import SECRET, Asked, Bench, principal

from msidweb.errors import InvalidCallError

SCOPE, APP = "https://graph.microsoft.com/User.Read", "https://graph.microsoft.com/.default"
LATER = {"session"}
"""later: sessions."""
APP_REFUSED = "app: a typed error, no request (14)"
TAKEN_APART = (
    "the authority is taken apart: on-behalf-of and app tokens at "
    "{authority}/oauth2/v2.0/token (13)"
)
ROWS = [*GOLDEN["clouds"], *GOLDEN["ciam"]]


def test_every_call_is_replayed_or_waits_for_sessions() -> None:
    assert {call for row in ROWS for call in row["calls"]} == {"on-behalf-of", "app"} | LATER
    assert {row.get("msidweb") for row in ROWS} == {None, APP_REFUSED, TAKEN_APART}


def bench_of(row: dict[str, Any]) -> Bench:
    given = options_of(row).model_dump(exclude_none=True, exclude_unset=True)
    settings = {"instance": None, "tenant_id": None, **given}
    return Bench(**(settings | {"client_secret": SECRET}))


def token_url(row: dict[str, Any], call: str) -> str:
    """Where the row says that *call* goes."""
    if row.get("msidweb") == TAKEN_APART:
        authority: str = row["settings"]["Authority"]
        host, _, tenant = authority.rpartition("/")
        return f"{host}/{TENANT if call == 'on-behalf-of' else tenant}/oauth2/v2.0/token"
    url: str = row["calls"][call]["token_url"]
    return url


def scopes_of(asked: Asked) -> set[str]:
    return set(asked.form["scope"].split())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
async def test_on_behalf_of(row: dict[str, Any]) -> None:
    bench = bench_of(row)
    token = await bench.acquirer.get_token_for_user([SCOPE], user=principal())

    assert [asked.url for asked in bench.asked] == [token_url(row, "on-behalf-of")]
    assert scopes_of(bench.asked[0]) == {SCOPE, "offline_access", "openid", "profile"}
    assert token.tenant_id == TENANT
    for entry in row.get("user_entries", []):
        assert bench.acquirer._environment == entry["environment"]
        assert token.tenant_id == entry["realm"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
async def test_for_the_application(row: dict[str, Any]) -> None:
    bench = bench_of(row)
    if row.get("msidweb") == APP_REFUSED:
        with pytest.raises(InvalidCallError) as refused:
            await bench.acquirer.get_token_for_app(APP)
        assert (refused.value.code, bench.asked) == ("app_tenant_required", [])
        return
    token = await bench.acquirer.get_token_for_app(APP)

    assert [asked.url for asked in bench.asked] == [token_url(row, "app")]
    assert scopes_of(bench.asked[0]) == {APP}
    for partition, entry in row["cache"].items():
        assert partition == f"{IDS['client']}_{token.tenant_id}_AppTokenCache"
        assert partition in bench.cache._partitions
        assert (bench.acquirer._environment, token.tenant_id) == tuple(entry.values())
