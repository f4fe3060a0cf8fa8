"""authorities.json, the validating half: which documents are asked, which issuers are accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.documents import DocumentServer, authority_keys
from tests.support.signing import NOW, key_pair, user_claims, v1_claims

from msidweb.authority import AuthorityKind, resolve_authority
from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.errors import AuthenticationError, ConfigurationError
from msidweb.telemetry import Telemetry
from msidweb.testing.clock import ManualClock
from msidweb.validation import TokenValidator, ValidationPolicy

TEXT = (Path(__file__).parent / "authorities.json").read_text()
IDS = json.loads(TEXT)["ids"]
for name, value in IDS.items():
    TEXT = TEXT.replace(f"{{{name}}}", value)
GOLDEN = json.loads(TEXT)
TENANT, OTHER = IDS["t1"], IDS["t2"]

# later: AzureRegion, which has no effect yet
LATER = {"regions", "region_and_cache"}
CUSTOM = ["login.contoso.example", f"{TENANT}.ciamlogin.com"]


def options_of(row: dict[str, Any]) -> MicrosoftIdentityOptions:
    base = {"Instance": "https://login.microsoftonline.com/", "TenantId": TENANT}
    listed = {"KnownAuthorityHosts": CUSTOM} if "custom domain" in row["name"] else {}
    settings = {**base, "ClientId": IDS["client"], **row["settings"], **listed}
    return MicrosoftIdentityOptions.model_validate(settings)


def claims_for(case: str, home: str) -> dict[str, Any]:
    if case == "no tid":
        return user_claims(iss=home, tid=None)
    if case == "aud api://":
        return user_claims(iss=home, aud=f"api://{IDS['client']}")
    tenant = OTHER if OTHER in case else TENANT
    make = v1_claims if "//sts." in case else user_claims
    return make(iss=case, tid=tenant)


@pytest.mark.parametrize(
    "row", [*GOLDEN["clouds"], *GOLDEN["ciam"]], ids=lambda row: f"{row['category']} {row['name']}"
)
async def test_documents_and_issuers(row: dict[str, Any]) -> None:
    options = options_of(row)
    authority = resolve_authority(options)
    by_name = authority.kind is AuthorityKind.CIAM or "custom domain" in row["name"]
    host = f"{TENANT}.ciamlogin.com" if by_name else authority.network_host
    tenant = "{tenantid}" if authority.is_multi_tenant else TENANT
    issuer = f"https://{host}/{tenant}/v2.0"
    sts = authority.cloud.sts_host if authority.cloud else "sts.windows.net"
    key = key_pair("first")
    server = DocumentServer([key.jwk(issuer=issuer)], host=host, tenant=tenant, sts=sts)
    clock = ManualClock(NOW)
    validator = TokenValidator(
        ValidationPolicy.of(options, authority),
        authority_keys(server, clock=clock, authority=authority),
        clock=clock,
        telemetry=Telemetry(),
    )
    for case, verdict in row["tokens"].items():
        token = key.token(claims_for(case, issuer.replace("{tenantid}", TENANT)))
        if verdict == "accepted":
            assert (await validator.validate(token)).tenant_id == TENANT, case
        else:
            with pytest.raises(AuthenticationError):
                await validator.validate(token)
    assert set(row["documents"]) <= set(server.asked)


@pytest.mark.parametrize("row", GOLDEN["b2c"], ids=lambda row: row["name"])
def test_b2c_comes_later(row: dict[str, Any]) -> None:
    """later: B2C authorities; until then they stop the build."""
    with pytest.raises(ConfigurationError, match="Azure AD B2C is not supported yet"):
        resolve_authority(options_of(row))


def test_every_section_is_replayed_or_listed() -> None:
    assert set(GOLDEN) == {"versions", "ids", "notes", "clouds", "ciam", "b2c"} | LATER
