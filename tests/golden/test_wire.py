"""wire.json: the token requests that leave, by configuration and call."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from tests.support.token_endpoint import NOW, OTHER_TENANT, SECRET, TENANT, Bench, principal

from msidweb.authority import resolve_authority
from msidweb.configuration.options import AcquireTokenOptions, MicrosoftIdentityOptions
from msidweb.errors import ConfigurationError, InvalidCallError

GOLDEN = json.loads((Path(__file__).parent / "wire.json").read_text())
USERS = {
    "user1": {"object_id": "00000000-0000-0000-0000-000000000001", "tenant_id": TENANT},
    "guest": {"object_id": "00000000-0000-0000-0000-000000000003", "tenant_id": OTHER_TENANT},
}

UNVERIFIED = {"verify_signature": False}

LATER = {
    "long-running, initiate": "later: sessions",
    "long-running, refresh": "later: sessions",
    "long-running, other scope": "later: sessions",
}
ROWS = [row for row in GOLDEN["rows"] if row["name"] not in LATER]


def test_every_row_that_waits_is_still_recorded() -> None:
    assert len(ROWS) + len(LATER) == len(GOLDEN["rows"])


def settings_of(row: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"TenantId": TENANT, "ClientSecret": SECRET}
    for name, value in row["settings"].items():
        section, _, rest = name.partition(":")
        if section == "ExtraQueryParameters":
            settings.setdefault(section, {})[rest] = value
        elif section == "ClientCapabilities":
            settings[section] = [value]
        elif section == "ClientCredentials":
            settings["ClientSecret"] = None
            listed = settings.setdefault(section, [{}])
            listed[0][rest.partition(":")[2]] = GOLDEN.get((value or "").strip("{}"), value)
        else:
            settings[section] = value
    return settings


async def calls(bench: Bench, row: dict[str, Any]) -> None:
    for call in row["calls"]:
        given = call["options"]
        if call.get("tenant"):
            given = (given or {}) | {"tenant": call["tenant"]}
        options = None if given is None else AcquireTokenOptions.model_validate(given)
        if call["flow"] == "app":
            await bench.acquirer.get_token_for_app(call["scope"], options=options)
        else:
            user = principal(GOLDEN["tokens"][call["token"]], **USERS[call["token"]])
            await bench.acquirer.get_token_for_user(call["scopes"], user=user, options=options)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
async def test_wire(row: dict[str, Any]) -> None:
    settings = settings_of(row)
    if row["name"] == "obo, authority and instance":  # 13
        with pytest.raises(ConfigurationError):
            resolve_authority(MicrosoftIdentityOptions.model_validate(settings))
        return
    settings = {_snake(name): value for name, value in settings.items()}
    bench = Bench(**settings)
    if row["error"] or row.get("msidweb") == "a typed error, no request (14)":
        with pytest.raises(InvalidCallError):
            await calls(bench, row)
        assert not bench.asked
        return
    await calls(bench, row)
    assert len(bench.asked) == len(row["requests"])
    for asked, recorded in zip(bench.asked, row["requests"], strict=True):
        compare(asked, recorded, row)


def _snake(name: str) -> str:
    parted = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)
    return parted.lstrip("_").replace("x5_c", "x5c")


def compare(asked: Any, recorded: dict[str, Any], row: dict[str, Any]) -> None:
    url = recorded["url"]
    match row.get("msidweb"):
        case "the request goes to tenant 2 (15)":
            url = url.replace(TENANT, OTHER_TENANT)
        case "the request goes to tenant 1 (14)":
            url = url.replace("organizations", TENANT)
        case "slice=one is sent (15)":
            url += "?slice=one"
        case "x-anchormailbox is sent as well (15)":
            assert "x-anchormailbox" in asked.headers
        case "x5t#S256 and PS256 as here, times are numbers, x5c a list (23)":
            pass  # "comparable" looks at them
        case other:
            assert other is None
    ours, theirs = urlsplit(asked.url), urlsplit(url)
    assert (ours.scheme, ours.netloc, ours.path) == (theirs.scheme, theirs.netloc, theirs.path)
    assert sorted(parse_qsl(ours.query)) == sorted(parse_qsl(theirs.query))
    assert comparable(asked.form) == comparable(recorded["form"])
    for name, value in recorded["headers"].items():
        if not name.startswith("x-client-"):  # volatile: .NET's telemetry
            assert asked.headers[name] == value
    for name in ("content-type", "return-client-request-id", "x-ms-lib-capability"):
        assert asked.headers[name] == GOLDEN["every_token_request"][name]
    assert asked.headers["client-request-id"]


def comparable(form: Any) -> dict[str, Any]:
    """By meaning: scopes as a set, claims as JSON; client_info is volatile."""
    shown = {name: value for name, value in form.items() if name != "client_info"}
    shown["scope"] = set(shown["scope"].split())
    if "claims" in shown:
        shown["claims"] = json.loads(shown["claims"])
    if "client_assertion" in shown:
        shown["client_assertion"] = assertion_of(shown["client_assertion"])
    if "assertion" in shown:
        token = shown["assertion"]
        shown["assertion"] = GOLDEN["tokens"].get(token.strip("{}"), token)
    return shown


def assertion_of(sent: Any) -> dict[str, Any]:
    """A client assertion without its volatile parts; 23: times are numbers, x5c is a list."""
    if isinstance(sent, str):
        header, payload = jwt.get_unverified_header(sent), jwt.decode(sent, options=UNVERIFIED)
        assert isinstance(header.get("x5c", []), list)
        assert payload["nbf"] == int(NOW)
        assert payload["exp"] - payload["nbf"] == 600
        assert uuid.UUID(payload["jti"])
    else:
        header, payload = sent["header"], sent["payload"]
        assert payload["exp"] == "{nbf + 600, as text}"
    times = {"jti", "nbf", "exp"}
    assert times <= payload.keys()
    return {
        "header": {name: name == "x5c" or value for name, value in header.items()},
        "payload": {name: value for name, value in payload.items() if name not in times},
    }


async def test_the_assertion_of_a_file_goes_out_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(GOLDEN["client_assertion_file"])
    kind = {"source_type": "SignedAssertionFilePath", "signed_assertion_file_disk_path": str(path)}
    bench = Bench(client_secret=None, client_credentials=[kind])
    await bench.acquirer.get_token_for_app("https://graph.microsoft.com/.default")
    assert bench.asked[0].form["client_assertion"] == GOLDEN["client_assertion_file"]
