"""rollover.json: new, unknown and withdrawn keys over time; metadata that cannot be fetched."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.documents import DocumentServer, authority_keys
from tests.support.signing import CLIENT, NOW, TENANT, key_pair, user_claims

from msidweb.authority import Authority
from msidweb.errors import MsidwebError
from msidweb.telemetry import Telemetry
from msidweb.testing.clock import ManualClock
from msidweb.validation import TokenValidator, ValidationPolicy

GOLDEN = json.loads((Path(__file__).parent / "rollover.json").read_text())


def sequences(section: str) -> list[Any]:
    grouped = itertools.groupby(GOLDEN[section], key=lambda row: row["category"])
    return [pytest.param(category, list(rows), id=category) for category, rows in grouped]


# Ours where it is not as recorded. 11: looked up within the request; withdrawn keys go at once.
DIFFERENT = {
    ("refresh interval 5 min (default)", "second key, just published, try 0"): 200,
    ("refresh interval 2 s", "second, just published"): 200,
    ("refresh interval 2 s", "third, just published, try 4"): 200,
    ("refresh interval 2 s", "first key withdrawn, after the refresh"): 401,
}
# Our interval is 30 s and no option: the recording with 2 s is replayed fifteen times slower.
PACE = {"refresh interval 2 s": 15.0}


def signer(row: dict[str, Any]) -> str:
    if "token_signed_with" in row:
        return row["token_signed_with"]
    first_word = row["name"].replace(",", " ").split()[0]
    return {"known": "first", "unknown": "never"}.get(first_word, first_word)


class Replay:
    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.server = DocumentServer([])
        self.keys = authority_keys(self.server, clock=self.clock)
        policy = ValidationPolicy(Authority("login.microsoftonline.com", TENANT), CLIENT)
        self.validator = TokenValidator(policy, self.keys, clock=self.clock, telemetry=Telemetry())

    async def status(self, kid: str) -> int:
        try:
            await self.validator.validate(key_pair(kid).token(user_claims()))
        except MsidwebError as error:
            return error.response_status
        return 200


@pytest.mark.parametrize(("category", "rows"), sequences("rows"))
async def test_rollover(category: str, rows: list[dict[str, Any]]) -> None:
    replay = Replay()
    started = 0.0
    for row in rows:
        moment = row["at_seconds"] * PACE.get(category, 1.0)
        replay.clock.advance(moment - started)
        started = moment
        replay.server.publish(*(key_pair(kid).jwk() for kid in row["published"]))
        asked = replay.server.refreshes
        status = await replay.status(signer(row))
        assert status == DIFFERENT.get((category, row["name"]), row["status"]), row["name"]
        assert replay.server.refreshes - asked <= 1
        if signer(row) == "first" and asked:
            assert replay.server.refreshes == asked  # a known key asks for nothing


FAULTS = {
    "503": lambda url: httpx.Response(503),
    "keys 503": lambda url: httpx.Response(503) if "discovery" in url else None,
}


def refuse(url: str) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(("category", "rows"), sequences("metadata_down"))
async def test_metadata_down(category: str, rows: list[dict[str, Any]]) -> None:
    replay = Replay()
    replay.server.publish(key_pair("first").jwk())
    for row in rows:
        name = row["name"]
        replay.server.fault = None if name == "reachable" else FAULTS.get(category, refuse)
        if name == "reachable":
            replay.clock.advance(6)  # 12: with back-off
        asked = len(replay.server.asked)
        status = await replay.status("never" if "unknown key" in name else "first")
        assert status == (503 if name.startswith("never reached") else row["status"]), name  # 12
        if name == "never reached, second":
            assert len(replay.server.asked) == asked


def test_every_section_is_replayed() -> None:
    assert set(GOLDEN) == {"versions", "rows", "metadata_down"}
    names = {(row["category"], row["name"]) for row in GOLDEN["rows"]}
    assert set(DIFFERENT) <= names
