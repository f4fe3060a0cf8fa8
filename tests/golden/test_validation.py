"""validation.json: every recorded token in every recorded configuration, and its neighbors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.documents import StandingKeys

from msidweb.authority import KeySet, resolve_authority
from msidweb.authority.keys import read_keys
from msidweb.challenge import answer_for
from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.errors import AuthenticationError, ConfigurationError, InvalidCallError, MsidwebError
from msidweb.principal import Principal
from msidweb.telemetry import Telemetry
from msidweb.testing.clock import ManualClock
from msidweb.validation import Requirement, TokenValidator, ValidationPolicy

GOLDEN = json.loads((Path(__file__).parent / "validation.json").read_text())
TOKENS = {(row["name"], row["set"]): row for row in GOLDEN["tokens"]}
ID_OF = lambda row: row["name"]  # noqa: E731 - an id for pytest

# Rows whose verdict is ours by a numbered difference and that carry no `msidweb` of their own.
DIFFERENCES = {
    "authority and instance": 13,  # the configuration stops the build
}
BASE = {
    "Instance": "https://login.microsoftonline.com/",
    "TenantId": "11111111-2222-3333-4444-555555555555",
    "ClientId": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
}


def options_of(configuration: str) -> MicrosoftIdentityOptions:
    settings: dict[str, Any] = dict(BASE)
    for path, value in GOLDEN["configurations"][configuration]["settings"].items():
        *parents, last = path.split(":")
        if last == "MapInboundClaims":
            continue  # 10: claims keep their raw names
        if last.isdigit():
            last = parents.pop()
            place = settings
            for name in parents:
                place = place.setdefault(name, {})
            place.setdefault(last, []).append(value)
        else:
            settings[last] = value
    return MicrosoftIdentityOptions.model_validate(settings)


def validator_for(configuration: str, token_set: str) -> TokenValidator:
    options = options_of(configuration)
    recorded = GOLDEN["configurations"][configuration]
    known = GOLDEN["sets"][token_set]
    # The note of the file: a key without an issuer was served with the v2 document's.
    keys = [{"issuer": recorded["issuer_v2"], **key} for key in known["keys"]]
    tenant = None if "{tenantid}" in recorded["issuer_v2"] else BASE["TenantId"]
    key_set = KeySet(
        keys=read_keys({"keys": keys}),
        issuer_v2=recorded["issuer_v2"],
        issuer_v1=recorded["issuer_v1"],
        tenant=tenant,
        cloud="microsoftonline.com",
    )
    policy = ValidationPolicy.of(options, resolve_authority(options))
    return TokenValidator(
        policy, StandingKeys(key_set), clock=ManualClock(known["now"]), telemetry=Telemetry()
    )


# Rows without `dotnet_in` were recorded in the default configuration only.
ROWS = [
    pytest.param(row, configuration, id=f"{row['name']}, {configuration}")
    for row in GOLDEN["tokens"]
    for configuration in GOLDEN["configurations"]
    if "dotnet_in" in row or configuration == "single tenant"
]


def expected(row: dict[str, Any], configuration: str) -> set[bool]:
    """Which verdicts are right: {True} accepted, {False} refused, both where either is fine."""
    recorded = row.get("dotnet_in", {}).get(configuration, row["dotnet"])["status"] == 200
    ours = row.get("msidweb", {})
    wanted = ours.get(configuration, ours.get("*") if recorded else None)
    if wanted is None:
        return {recorded}
    if wanted.startswith("free"):
        return {True, False}
    return {wanted.startswith("accept")}


@pytest.mark.parametrize(("row", "configuration"), ROWS)
async def test_token(row: dict[str, Any], configuration: str) -> None:
    if configuration in DIFFERENCES:
        with pytest.raises(ConfigurationError, match="contradicts"):
            validator_for(configuration, row["set"])
        return
    validator = validator_for(configuration, row["set"])
    rule = await refusal(validator, row["token"])
    assert (rule is None) in expected(row, configuration), rule
    ours = row.get("msidweb", {})
    wanted = ours.get(configuration, ours.get("*"))
    recorded = row.get("dotnet_in", {}).get(configuration, row["dotnet"])["status"]
    if wanted and wanted.startswith("refuse, ") and recorded == 200:
        assert rule == wanted.removeprefix("refuse, ").split()[0]


async def refusal(validator: TokenValidator, token: str) -> str | None:
    try:
        principal = await validator.validate(token)
    except AuthenticationError as error:
        return error.rule
    assert principal.tenant_id == principal.claims["tid"]
    return None


REQUIREMENTS = {
    "any": None,
    "scope": Requirement(any_scope="access_as_user"),
    "scope_or_role": Requirement(any_scope="access_as_user", any_role="Things.Read.All"),
    "custom_policy": Requirement(any_scope="no.such.scope"),  # 8: enforced everywhere
}


@pytest.mark.parametrize("kind", GOLDEN["authorization"][0]["statuses"])
@pytest.mark.parametrize("row", GOLDEN["authorization"], ids=ID_OF)
async def test_authorization(row: dict[str, Any], kind: str) -> None:
    recorded = row["statuses"][kind]
    if kind == "missing_key":  # 8: it stops the build
        with pytest.raises(InvalidCallError):
            Requirement(any_scope="")
        return
    if kind == "anonymous":  # nobody asks the validator
        assert recorded == 200
        return
    token = TOKENS[row["name"], "a"]
    refused = expected(token, "single tenant") == {False}
    try:
        principal = await validator_for("single tenant", "a").validate(token["token"])
        if requirement := REQUIREMENTS[kind]:
            requirement.check(principal)
    except MsidwebError as error:
        status = error.response_status
    else:
        status = 200
    if refused:  # 6: such tokens are no tokens
        assert status == 401
    elif kind == "custom_policy":
        assert status == 403
    else:
        assert status == recorded


@pytest.mark.parametrize("row", GOLDEN["authorization_field"], ids=ID_OF)
async def test_authorization_field(row: dict[str, Any]) -> None:
    token = TOKENS["v2", "a"]["token"]
    fields = [] if row["value"] is None else [row["value"].replace("{token}", token)]
    validator = validator_for("single tenant", "a")
    if row["dotnet"]["status"] == 200:
        assert isinstance(await validator.validate_authorization(fields), Principal)
        return
    with pytest.raises(AuthenticationError) as refusal:
        await validator.validate_authorization(fields)
    answer = answer_for(refusal.value)
    assert answer is not None
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (
        row["dotnet"]["status"],
        row["dotnet"]["www_authenticate"],
    )


@pytest.mark.parametrize(
    "row", GOLDEN["claim_names"], ids=lambda row: f"{row['configuration']}, {row['name']}"
)
async def test_claim_names(row: dict[str, Any]) -> None:
    validator = validator_for(row["configuration"], "a")
    principal = await validator.validate(TOKENS[row["name"], "a"]["token"])
    if row["configuration"] == "single tenant, MapInboundClaims off":
        assert set(principal.claims) == set(row["claims"])
    else:  # 10: never the long names
        assert not any(name.startswith("http") for name in principal.claims)
        assert len(principal.claims) == len(row["claims"])


def test_every_section_is_replayed() -> None:
    notes = {"versions", "sets", "keys_note", "configurations", "authorization_legend"}
    replayed = {"tokens", "authorization", "authorization_field", "claim_names"}
    assert set(GOLDEN) == notes | replayed
    assert set(REQUIREMENTS) | {"missing_key", "anonymous"} == set(
        GOLDEN["authorization"][0]["statuses"]
    )
