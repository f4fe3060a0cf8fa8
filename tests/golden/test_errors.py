"""errors.json: what an answer of the token service becomes, who waits, what is repeated."""

from __future__ import annotations

import datetime as dt
import json
import re
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.token_endpoint import NOW, Bench, granted, principal, refused

from msidweb.client import find_challenge
from msidweb.configuration.options import AcquireTokenOptions
from msidweb.errors import (
    AssertionRejectedError,
    MsidwebError,
    ThrottledError,
    TokenAcquisitionError,
    UserChallengeError,
)

GOLDEN = json.loads((Path(__file__).parent / "errors.json").read_text())
A, B = "https://api.example/a", "https://api.example/b"
APP = "https://api.example/.default"

KINDS: dict[str, type[MsidwebError]] = {
    "MicrosoftIdentityWebChallengeUserException": UserChallengeError,
    "MsalServiceException": TokenAcquisitionError,
    "MsalUiRequiredException": TokenAcquisitionError,  # an application is never challenged
    "MsalClaimsChallengeException": TokenAcquisitionError,
    "MsalThrottledServiceException": ThrottledError,
    "JsonException": TokenAcquisitionError,  # 21
}


def test_every_section_is_replayed() -> None:
    replayed = {"answers", "throttle", "transport", "retry_after", "statuses"}
    assert set(GOLDEN) - {"versions"} == replayed


def reply(answer: dict[str, Any]) -> httpx.Response:
    if "json" in answer:
        return httpx.Response(answer["status"], json=answer["json"], headers=answer.get("headers"))
    return httpx.Response(answer["status"], text=answer["text"])


async def outcome(bench: Bench, who: str, **options: Any) -> MsidwebError | None:
    given = AcquireTokenOptions(**options)
    try:
        if who == "app":
            await bench.acquirer.get_token_for_app(APP, options=given)
        else:
            user = principal(f"{who}.token.x", object_id=who)
            await bench.acquirer.get_token_for_user([A, B], user=user, options=given)
    except MsidwebError as error:
        return error
    return None


#: "rethrows" rows answer nothing: consent would not help.
FORBIDDEN = [
    (row, answered)
    for row in GOLDEN["answers"]
    if "status" in (answered := row["user"]["outcome"].get("reply_forbidden", {}))
]


@pytest.mark.parametrize(("row", "answered"), FORBIDDEN, ids=lambda row: row.get("name"))
def test_our_client_reads_what_dotnet_answers_its_caller(
    row: dict[str, Any], answered: dict[str, Any]
) -> None:
    error = find_challenge(answered["status"], {"WWW-Authenticate": answered["www_authenticate"]})

    assert error is not None
    assert error.scopes == (A, B)
    assert error.claims == row["answer"]["json"].get("claims")


@pytest.mark.parametrize("who", ["user", "app"])
@pytest.mark.parametrize("row", GOLDEN["answers"], ids=lambda row: row["name"])
async def test_answers(row: dict[str, Any], who: str) -> None:
    recorded = row[who]
    bench = Bench(lambda n, asked: reply(row["answer"]))
    error = await outcome(bench, who)
    first = len(bench.asked)
    again = await outcome(bench, who)
    assert [first, len(bench.asked) - first] == recorded["sts_calls"]

    assert isinstance(error, TokenAcquisitionError)
    details = recorded["outcome"].get("error", recorded["outcome"])
    if row["name"] == "AADSTS50013" and who == "user":
        assert isinstance(error, AssertionRejectedError)  # 18
        return
    assert isinstance(error, KINDS[details["type"]])
    assert isinstance(error, UserChallengeError) == (KINDS[details["type"]] is UserChallengeError)
    if "second_call" in recorded:
        assert isinstance(again, KINDS[recorded["second_call"]["type"]])
    if isinstance(error, UserChallengeError):
        assert list(error.scopes) == details["scopes"]
    service = details.get("inner", details)
    if details["type"] == "JsonException":
        return
    assert error.http_status == service["status_code"]
    assert error.retryable == service["is_retryable"]
    body = row["answer"].get("json", {})
    assert (error.error, error.suberror) == (body.get("error"), body.get("suberror"))
    assert error.claims == body.get("claims")
    if "error_codes" in body:
        assert error.aadsts == body["error_codes"][0]
        assert (error.trace_id, error.correlation_id) == (body["trace_id"], body["correlation_id"])


THROTTLED = {"429": 429, "400 with Retry-After": 400}
SESSION = "user 1, scope a, session"  # later: sessions
CALLS: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "user 1, scope a": ("user1", [A], {}),
    "user 1, scope a, again": ("user1", [A], {}),
    "user 2, scope a": ("user2", [A], {}),
    "user 2, scope a, other host object": ("user3", [A], {}),
    "user 1, scope b": ("user1", [B], {}),
    "user 1, scopes a and b": ("user1", [A, B], {}),
    "user 1, scope a, claims": ("user1", [A], {"claims": '{"access_token":{"x":null}}'}),
    "app, same resource": ("app", [APP], {}),
    "user 2, scope a, after Retry-After": ("user4", [A], {}),
}
FORCED = "forced refresh while a valid token is cached"


@pytest.mark.parametrize("status", THROTTLED.values())
async def test_throttle(status: int) -> None:
    (category,) = (name for name, value in THROTTLED.items() if value == status)
    rows = [r for r in GOLDEN["throttle"] if r["category"] == category and r["name"] != FORCED]
    assert {row["name"] for row in rows} == {*CALLS, SESSION}

    def answer(number: int, asked: Any) -> httpx.Response:
        if number == 1:
            return refused(status, headers={"Retry-After": "3"}, error="temporarily_unavailable")
        return granted(number, asked)

    bench = Bench(answer)
    for row in rows:
        if row["name"] == SESSION:
            continue
        who, scopes, more = CALLS[row["name"]]
        before = len(bench.asked)
        options = AcquireTokenOptions(**more)
        error = None
        try:
            if who == "app":
                await bench.acquirer.get_token_for_app(scopes, options=options)
            else:
                user = principal(f"{who}.token.x", object_id=who)
                await bench.acquirer.get_token_for_user(scopes, user=user, options=options)
        except MsidwebError as caught:
            error = caught
        recorded = row["outcome"] if isinstance(row["outcome"], str) else row["outcome"]["type"]
        if row.get("msidweb", "").startswith("a token") or recorded == "token":
            assert error is None, row["name"]
        else:
            assert isinstance(error, KINDS[recorded]), row["name"]
            assert len(bench.asked) - before == row["sts_calls"], row["name"]


@pytest.mark.parametrize(
    "row", [r for r in GOLDEN["throttle"] if r["name"] == FORCED], ids=lambda r: r["category"]
)
async def test_a_forced_refresh_that_fails_raises(row: dict[str, Any]) -> None:
    status = int(row["category"])
    bench = Bench(lambda n, asked: granted(n, asked) if n == 1 else refused(status))
    assert await outcome(bench, "user") is None
    error = await outcome(bench, "user", force_refresh=True)
    assert isinstance(error, TokenAcquisitionError)
    assert error.http_status == row["outcome"]["status_code"]
    assert len(bench.asked) - 1 == row["sts_calls"]


FAILURES = {
    "connection refused": httpx.ConnectError,
    "timeout": httpx.ReadTimeout,
    "cut while reading": httpx.ReadError,
}


@pytest.mark.parametrize("row", GOLDEN["transport"], ids=lambda row: row["name"])
async def test_transport(row: dict[str, Any]) -> None:
    what, who = row["name"].split(", ")

    def answer(number: int, asked: Any) -> httpx.Response:
        raise FAILURES[what]("broken")

    bench = Bench(answer)
    error = await outcome(bench, who)
    assert isinstance(error, TokenAcquisitionError)
    assert (error.code, error.retryable) == ("entra_unreachable", True)
    assert len(bench.asked) == 2  # 21: repeated once; .NET does so for a timeout only


def field_of(text: str) -> str:
    if match := re.fullmatch(r"an HTTP date, now ([+-]) (\d+) (s|h)", text):
        sign, amount, unit = match.groups()
        seconds = int(f"{sign}{amount}") * (3600 if unit == "h" else 1)
        return format_datetime(dt.datetime.fromtimestamp(NOW + seconds, dt.UTC))
    return text


@pytest.mark.parametrize(
    "row", GOLDEN["retry_after"], ids=lambda row: f"{row['category']}: {row['name']}"
)
async def test_retry_after(row: dict[str, Any]) -> None:
    who = row["category"].split()[1]
    headers = {"Retry-After": field_of(row["retry_after"])}
    bench = Bench(lambda n, asked: refused(row["status"], headers=headers))
    assert isinstance(await outcome(bench, who), TokenAcquisitionError)
    repeated = row.get("msidweb", "").endswith("(44)")
    assert len(bench.asked) == (2 if repeated else row["sts_calls"])

    before = len(bench.asked)
    error = await outcome(bench, who)
    waits = row["refuses_for_seconds"]
    assert (len(bench.asked) == before) == (waits > 0)
    if waits:
        assert isinstance(error, ThrottledError)
        assert error.retry_after == pytest.approx(waits, abs=1)
        bench.clock.advance(waits + 1)
        await outcome(bench, who)
        assert len(bench.asked) > before
    if who == "user":  # 17
        await outcome(bench, "another")
        assert bench.asked[-1].form["assertion"] == "another.token.x"


@pytest.mark.parametrize("row", GOLDEN["statuses"], ids=lambda row: row["name"])
async def test_statuses(row: dict[str, Any]) -> None:
    who = row["name"].split(", ")[1]
    bench = Bench(lambda n, asked: refused(row["status"], error="server_error"))
    error = await outcome(bench, who)
    assert isinstance(error, KINDS[row["outcome"]])
    assert error.retryable == row["is_retryable"]
    assert len(bench.asked) == row["sts_calls"]

    bench = Bench(
        lambda n, asked: (
            refused(row["status"], error="server_error") if n == 1 else granted(n, asked)
        )
    )
    well = await outcome(bench, who) is None
    assert well == (row["well_again_at_the_second_call"] == "token")
