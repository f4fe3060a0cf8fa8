"""configuration.json, app_tenant: which tenant an application's own token is asked from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.token_endpoint import Bench

from msidweb.configuration.options import AcquireTokenOptions
from msidweb.errors import InvalidCallError

GOLDEN = json.loads((Path(__file__).parent / "configuration.json").read_text())["app_tenant"]
META = {"common", "organizations"}


def expected_tenant(row: dict[str, Any]) -> str | None:
    """The recorded tenant, but for a meta tenant (14): the home tenant, else an error."""
    if "error" in row:
        return None if row["tenant_argument"] else row["AppHomeTenantId"]
    recorded: str = row["token_url"].split("/")[3]
    return row["AppHomeTenantId"] if recorded in META else recorded


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
async def test_app_tenant(row: dict[str, Any]) -> None:
    bench = Bench(tenant_id=row["TenantId"], app_home_tenant_id=row["AppHomeTenantId"])
    options = AcquireTokenOptions(tenant=row["tenant_argument"])
    call = bench.acquirer.get_token_for_app("https://graph.microsoft.com/.default", options=options)
    tenant = expected_tenant(row)
    if tenant is None:
        with pytest.raises(InvalidCallError):
            await call
        assert not bench.asked
        return
    await call
    assert bench.asked[0].url.split("/")[3] == tenant
