"""configuration.json: which authority the settings name, and whose tokens are accepted then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.documents import DocumentServer, authority_keys
from tests.support.signing import CLIENT, NOW, key_pair, user_claims

from msidweb.authority import Authority, resolve_authority
from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.errors import AuthenticationError, ConfigurationError
from msidweb.telemetry import Telemetry
from msidweb.testing.clock import ManualClock
from msidweb.validation import TokenValidator, ValidationPolicy

GOLDEN = json.loads((Path(__file__).parent / "configuration.json").read_text())
TENANT_1 = "11111111-2222-3333-4444-555555555555"
TENANT_2 = "99999999-8888-7777-6666-555555555555"
BASE = {"Instance": "https://login.microsoftonline.com/", "TenantId": TENANT_1, "ClientId": CLIENT}

# later: which tenant an application's own token is asked from is the acquirer's matter
LATER = {"app_tenant"}
CONFLICT = "authority of tenant 2, instance and tenant 1"


def options_of(settings: dict[str, Any]) -> MicrosoftIdentityOptions:
    return MicrosoftIdentityOptions.model_validate(BASE | settings)


def validator_for(options: MicrosoftIdentityOptions, authority: Authority) -> TokenValidator:
    tenant = "{tenantid}" if authority.is_multi_tenant else authority.tenant
    server = DocumentServer([key_pair("first").jwk()], tenant=tenant)
    clock = ManualClock(NOW)
    return TokenValidator(
        ValidationPolicy.of(options, authority),
        authority_keys(server, clock=clock, authority=authority),
        clock=clock,
        telemetry=Telemetry(),
    )


@pytest.mark.parametrize("row", GOLDEN["pipeline"], ids=lambda row: row["name"])
async def test_pipeline(row: dict[str, Any]) -> None:
    options = options_of(row["settings"])
    if row["category"] == CONFLICT:  # 13
        with pytest.raises(ConfigurationError, match="contradicts"):
            resolve_authority(options)
        return
    authority = resolve_authority(options)
    tenant = row["token_tenant"]
    claims = user_claims(tid=tenant, iss=f"https://login.microsoftonline.com/{tenant}/v2.0")
    validator = validator_for(options, authority)
    if row["status"] == 401:
        with pytest.raises(AuthenticationError):
            await validator.validate(key_pair("first").token(claims))
        return
    assert (await validator.validate(key_pair("first").token(claims))).tenant_id == tenant
    # later: what the exchange answers is the acquirer's matter; where it is sent is decided here
    asked_for = tenant if row["call"] == "/obo" else None
    endpoint = authority.token_endpoint(asked_for)
    for url in row["token_requests"]:
        assert endpoint == url.replace("/oauth2/token", "/oauth2/v2.0/token")  # 13: always v2


def test_authority_order() -> None:
    """13: nothing depends on what ran first; two that contradict each other stop the build."""
    assert [row["name"] for row in GOLDEN["authority_order"]] == [
        "before any request",
        "a request",
        "after a request",
    ]
    first, last = (GOLDEN["authority_order"][place]["token_urls"][0] for place in (0, 2))
    assert TENANT_1 in first
    assert TENANT_2 in last
    authority = f"https://login.microsoftonline.com/{TENANT_2}/v2.0"
    with pytest.raises(ConfigurationError, match="Authority: contradicts TenantId"):
        resolve_authority(options_of({"Authority": authority}))


def test_every_section_is_replayed_or_listed() -> None:
    assert set(GOLDEN) == {"versions", "pipeline", "authority_order"} | LATER
