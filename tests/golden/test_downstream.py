"""Replay of downstream.json: what Microsoft.Identity.Web sent, and what it made of answers."""

import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import AliasChoices, BaseModel, Field
from tests.support.downstream import SCOPE, Script, Tokens, api_options, downstream

from msidweb.configuration.options import AcquireTokenOptions, DownstreamApiOptions
from msidweb.downstream import DownstreamApi
from msidweb.errors import DownstreamApiError, InvalidCallError, UserChallengeError

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("downstream.json").read_text())

DESCRIPTION = {"versions", "extra_query_parameters_of_the_rows_with_extra_query"}
REPLAYED_HERE = {
    "request_bodies",
    "calls",
    "isolation",
    "answers",
    "claims_challenges",
    "challenge_then_interaction_required",
}
REPLAYED_ELSEWHERE = {
    "urls": "guards of msidweb.http",
    "extra_headers": "guards of msidweb.http",
    "sockets": "test_downstream_sockets.py",
}
LATER: dict[str, str] = {}


def rows(section: str) -> list[Any]:
    return [
        pytest.param(row, id=row["name"])
        for row in GOLDEN[section]
        if f"{section}/{row['name']}" not in LATER
    ]


def test_every_section_is_replayed_or_accounted_for():
    accounted = DESCRIPTION | REPLAYED_HERE | REPLAYED_ELSEWHERE.keys() | LATER.keys()
    assert not GOLDEN.keys() - accounted
    for later in LATER:
        section, _, name = later.partition("/")
        assert section in GOLDEN
        assert not name or name in {row["name"] for row in GOLDEN[section]}


# request_bodies


class Named(BaseModel):
    name: str = Field(serialization_alias="Name")
    item_count: int = Field(serialization_alias="ItemCount")


ANONYMOUS = {
    "camelCase": 1,
    "PascalCase": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "nothing": None,
}
INPUTS: dict[str, Callable[[str | None], dict[str, Any]]] = {
    # A .NET string is JSON or text by the content type; here the keyword says which.
    "string": lambda given: {"content" if is_text(given) else "json": 'te"xt'},
    "bytes": lambda _: {"content": b"\x01\x02A"},
    "null": lambda _: {"json": None},
    "object": lambda _: {"json": Named(name="näme", item_count=2)},
    "anonymous": lambda _: {"json": ANONYMOUS},
    "content": lambda _: {
        "content": "<x/>",
        "headers": {"Content-Type": "application/xml; charset=utf-8"},
    },
}


def is_text(content_type: str | None) -> bool:
    return bool(content_type) and content_type != "application/json"


@pytest.mark.parametrize("row", rows("request_bodies"))
async def test_request_body(row):
    kind = row["name"].partition(",")[0]
    for option in row["content_type_options"]:
        given = None if option == "default" else option
        fields = {} if given is None else {"content_type": given}
        api = Script(httpx.Response(200))
        call = INPUTS[kind](given)
        await downstream(api, {"api": api_options(**fields)}).post_for_user("api", **call)
        request = api.requests[0]
        expected_type, expected_body = row["content_type"], row["body"]
        if "(34)" in row.get("msidweb", "") and given and "content" in call:
            suffix = "; charset=utf-8" if kind == "string" else ""
            expected_type = given + suffix
            expected_body = 'te"xt' if kind == "string" else row["body"]
        assert request.headers.get("content-type") == expected_type
        assert parsed(request.content) == parsed((expected_body or "").encode())


def parsed(body: bytes) -> object:
    try:
        value = json.loads(body)
    except ValueError:
        return body
    if isinstance(value, dict) and "PascalCase" in value:
        value["PascalCase"] = datetime.fromisoformat(value["PascalCase"])
    return value


# calls

Act = Callable[[DownstreamApi], Awaitable[object]]
AUTO = AcquireTokenOptions.SESSION_KEY_AUTO
CALLER_OPTIONS = DownstreamApiOptions(acquire_token_options=AcquireTokenOptions(session_key=AUTO))


def noted(request: httpx.Request, name: str, *, after: bool) -> None:
    """Writes what the hook sees into a header, as the recorded hooks did."""
    seen = f"auth={'authorization' in request.headers}"
    request.headers[name] = f"{seen} after={'x-after' in request.headers}" if after else seen


CALLS: dict[str, tuple[dict[str, Any], Act]] = {
    "defaults": ({}, lambda api: api.call_api_for_user("api")),
    "accept empty": ({"accept_header": ""}, lambda api: api.call_api_for_user("api")),
    "scopes empty": ({"scopes": []}, lambda api: api.call_api_for_user("api")),
    "method HEAD": ({"http_method": "HEAD"}, lambda api: api.call_api_for_user("api")),
    "method lower case": ({"http_method": "post"}, lambda api: api.call_api_for_user("api")),
    "method empty": ({"http_method": ""}, lambda api: api.call_api_for_user("api")),
    "RequestAppToken in a ForUser call": (
        {"request_app_token": True},
        lambda api: api.call_api_for_user("api"),
    ),
    "RequestAppToken in CallApi": ({"request_app_token": True}, lambda api: api.call_api("api")),
    "app, two scopes": (
        {"scopes": [SCOPE, "https://graph.microsoft.com/User.Read"]},
        lambda api: api.call_api_for_app("api"),
    ),
    "unknown service": ({}, lambda api: api.call_api_for_user("Api2")),
    "hooks": (
        {
            "on_before_auth_header": lambda request: noted(request, "x-before", after=False),
            "on_after_auth_header": lambda request: noted(request, "x-after", after=False),
            "customize_request": lambda request: noted(request, "x-customize", after=True),
        },
        lambda api: api.call_api_for_user("api"),
    ),
    "options object": ({}, lambda api: api.call_api("api", options=CALLER_OPTIONS)),
}


@pytest.mark.parametrize("row", rows("calls"))
async def test_call(row):
    fields, act = CALLS[row["name"]]
    service, tokens = Script(httpx.Response(200)), Tokens(key="generated")
    api = downstream(service, {"api": api_options(**fields)}, tokens=tokens)
    if "error" in row.get("msidweb", "").lower():
        with pytest.raises(InvalidCallError) as refused:
            await act(api)
        assert not service.requests
        if row["name"] == "unknown service":
            assert "'api'" in str(refused.value)
        return
    await act(api)
    request, expected = service.requests[0], row["request"]
    assert request.method == row.get("msidweb", expected["method"]).upper()
    assert str(request.url) == expected["url"]
    assert request.headers.get("accept") == expected["headers"].get("Accept")
    assert ("authorization" in request.headers) == expected["authorization"]
    for name in ("x-before", "x-after", "x-customize"):
        assert request.headers.get(name) == expected["headers"].get(name)
    assert request.content == b""
    assert any(asked.for_app for asked in tokens.asked) == ("client_credentials" in row["grants"])
    if row["name"] == "options object":
        # 37: into the caller's object. A call always names its API, so its client sends it.
        assert CALLER_OPTIONS.acquire_token_options.session_key == "generated"
        assert CALLER_OPTIONS.request_app_token == row["result"]["RequestAppToken"]


# isolation


@pytest.mark.parametrize("row", rows("isolation"))
async def test_isolation(row):
    before = row["before"]
    configured = api_options(
        scopes=before["o"],
        extra_header_parameters=before["h"],
        extra_query_parameters=before["q"],
        acquire_token_options=AcquireTokenOptions(extra_query_parameters=before["t"]),
    )
    untouched = configured.model_dump()

    def override(options: DownstreamApiOptions) -> None:
        options.relative_path = "assigned"
        options.acquire_token_options.tenant = "99999999-8888-7777-6666-555555555555"
        options.acquire_token_options.session_key = "a-session-key-of-ours"
        options.scopes.append("https://graph.microsoft.com/User.Read")
        options.extra_header_parameters["x-b"] = "leaked"
        options.extra_query_parameters["b"] = "leaked"
        options.acquire_token_options.extra_query_parameters["slice"] = "leaked"

    service, tokens = Script(httpx.Response(200)), Tokens()
    api = downstream(service, {"api": configured}, tokens=tokens)
    await api.call_api_for_user("api", options=override)
    await api.call_api_for_user("api")

    assert configured.model_dump() == untouched  # 31: the scopes as well
    first, second = service.requests
    assert str(first.url) == row["first"]["url"]
    assert str(second.url) == row["second"]["url"]
    assert "x-b" not in second.headers
    for asked, recorded in zip(tokens.asked, (row["first"], row["second"]), strict=True):
        url = httpx.URL(recorded["token_url"])
        assert asked.options.extra_query_parameters == dict(url.params)
        assert asked.options.tenant in (None, url.path.split("/")[1])
    assert tokens.asked[1].scopes == (SCOPE,)
    assert tokens.asked[1].options.session_key is None


# answers


class Thing(BaseModel):
    # .NET matches names in any case; a pydantic model says itself which names it takes.
    name: str | None = Field(None, validation_alias=AliasChoices("Name", "name"))
    item_count: int = Field(0, validation_alias=AliasChoices("ItemCount", "ITEMCOUNT"))


INPUT = {"x": 1}


def reader(call: str) -> Act:
    """Our call for one of .NET's; a typed CallApi is a verb with a model here."""
    method, _, kind = call.partition("<")
    if call.endswith(" raw"):
        raw = {"CallApi": "call_api", "CallApiForUser": "call_api_for_user"}
        name = raw.get(method.removesuffix(" raw"), "call_api_for_app")
        return lambda api: getattr(api, name)("api")
    flow = "for_app" if method.endswith("ForApp") else "for_user"
    verb = method.partition("For")[0].lower().replace("callapi", "get")
    models = {"string>": str, "HttpContent>": httpx.Response}
    arguments: dict[str, Any] = {}
    if "out" in kind or kind in models:
        arguments["response_model"] = models.get(kind, Thing)
    if "in" in kind.split(",")[0].removesuffix(">"):
        arguments["json"] = INPUT
    return lambda api: getattr(api, f"{verb}_{flow}")("api", **arguments)


BODIES = {
    "400 big, no length": b"x" * 6008,
    "503 Retry-After": b'{"error":"busy"}',
}
READ = [
    pytest.param(row, group["result"], call, id=f"{row['name']}, {call}")
    for row in GOLDEN["answers"]
    for group in row["results"]
    for call in group["calls"]
]


@pytest.mark.parametrize(("row", "recorded", "call"), READ)
async def test_answer(row, recorded, call):
    body = BODIES.get(row["name"], row["body"].encode())
    headers = {} if row["content_type"] is None else {"content-type": row["content_type"]}
    if row["name"] == "503 Retry-After":
        headers["retry-after"] = "1"
    answer = httpx.Response(row["status"], headers=headers, content=body)
    api = downstream(Script(answer))
    act = reader(call)(api)
    if row["category"] == "error" and not call.endswith(" raw"):
        await check_error(act, row, body)
        return
    expected = ours(row, recorded, call)
    if expected is UNREADABLE:
        with pytest.raises(DownstreamApiError) as unreadable:
            await act
        assert unreadable.value.code == "unreadable_answer"
        return
    result = await act
    if isinstance(result, httpx.Response):
        kind = result.headers.get("content-type")
        assert expected in (kind, {"status": result.status_code, "content_type": kind})
        assert result.content == body
    elif recorded != "void":
        assert result == expected


UNREADABLE = object()


def ours(row: dict[str, Any], recorded: Any, call: str) -> Any:
    """What our call gives: as recorded, unless the row's reason (34) says otherwise."""
    reason = row.get("msidweb")
    typed = "out>" in call
    if reason == "None (34)" and (typed or "string" in call):
        return None
    if reason == "parsed as JSON (34)" and typed:
        return Thing.model_validate_json(row["body"])
    if isinstance(recorded, dict) and "error" in recorded:
        return UNREADABLE
    return Thing.model_validate(recorded) if typed and recorded is not None else recorded


async def check_error(act: Awaitable[object], row: dict[str, Any], body: bytes) -> None:
    """35: one error for every verb, with status, headers and a bounded body."""
    with pytest.raises(DownstreamApiError) as caught:
        await act
    error = caught.value
    assert error.status_code == row["status"]
    assert error.body == body.decode()[:4096]
    assert error.truncated == (len(body) > 4096)
    assert error.retry_after == (1.0 if row["name"] == "503 Retry-After" else None)
    assert str(error) == f"'api' answered {row['status']}"


# claims_challenges


def refusal(row: dict[str, Any]) -> httpx.Response:
    fields = [("www-authenticate", value) for value in row["www_authenticate"]]
    return httpx.Response(row.get("status", 401), headers=fields, content=b"{}")


def decoded(claims: str) -> object:
    """The claims as JSON; rows marked 36 recorded what .NET failed to decode."""
    if not claims.startswith("{"):
        claims = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode()
    return json.loads(claims)


@pytest.mark.parametrize("row", rows("claims_challenges"))
async def test_claims_challenge(row):
    caller = DownstreamApiOptions()
    if row["name"] == "form: claims of the caller kept?":
        caller.acquire_token_options.claims = row["claims_sent"]
    after = httpx.Response(200, json={"Name": "after retry"})
    service, tokens = Script(refusal(row), after), Tokens()
    api = downstream(service, tokens=tokens)

    try:
        result: object = await api.get_for_user("api", response_model=Thing, options=caller)
    except DownstreamApiError as error:
        result = error

    assert len(service.requests) == row["api_calls"]
    sent = tokens.asked[-1].options
    if row["claims_sent"] is None:
        assert sent is None or sent.claims is None
    else:
        assert decoded(sent.claims) == decoded(row["claims_sent"])
    if row["api_calls"] == 2:
        assert result == Thing(Name="after retry")
        assert sent.force_refresh
        assert service.requests[1].headers["authorization"] == "Bearer token-2"
    else:
        assert result.status_code == row.get("status", 401)
    # 31 and 36: nothing is written into the caller's options, nor taken out of them.
    kept = row["claims_sent"] if row["name"].endswith("kept?") else None
    assert caller.acquire_token_options.claims == kept


@pytest.mark.parametrize(
    "row", [row for row in rows("claims_challenges") if "after_two_401" in row.values[0]]
)
async def test_the_second_refusal_is_final(row):
    service = Script(refusal(row))
    with pytest.raises(DownstreamApiError) as caught:
        await downstream(service).get_for_user("api", response_model=Thing)
    assert caught.value.status_code == row["after_two_401"]["status_code"]
    assert len(service.requests) == row["api_calls"]


@pytest.mark.parametrize("row", rows("challenge_then_interaction_required"))
async def test_challenge_then_interaction_required(row):
    recorded = row["error"]
    challenge = UserChallengeError(
        "AADSTS50076", scopes=recorded["scopes"], claims=recorded["inner"]["claims"], aadsts=50076
    )
    base64_row = next(r for r in GOLDEN["claims_challenges"] if r["name"] == "base64")
    service = Script(refusal(base64_row))
    api = downstream(service, tokens=Tokens([None, challenge]))
    with pytest.raises(UserChallengeError) as caught:
        await api.get_for_user("api", response_model=Thing)
    assert len(service.requests) == row["api_calls"]
    assert list(caught.value.scopes) == recorded["scopes"]
    assert caught.value.claims == recorded["inner"]["claims"]
