from __future__ import annotations

import json

import pytest
from tests.support.signing import b64, user_claims
from tests.support.validating import KEY, Bench

from msidweb.errors import MalformedTokenError

TOKEN = KEY.token(user_claims())
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(".")


def signed(header: str, payload: str) -> str:
    text = f"{header}.{payload}"
    return f"{text}.{b64(KEY.sign(text.encode()))}"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("change", ["=", "+", "/", "é", "\ud800", "\n"])
async def test_b1_a_part_with_a_foreign_sign_is_refused(place, change):
    parts = [HEADER, PAYLOAD, SIGNATURE]
    parts[place] += change
    assert await Bench().refuse(".".join(parts)) == "B1"


async def test_b1_a_part_of_impossible_length_is_refused():
    assert await Bench().refuse(signed(HEADER, "abcde")) == "B1"


async def test_b2_another_spelling_of_the_same_signature_is_refused():
    last = SIGNATURE[-1]
    other = chr(ord(last) + 1)
    assert await Bench().refuse(f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-1]}{other}") == "B2"


async def test_b2_another_spelling_of_the_claims_is_refused_although_it_is_signed():
    claims = json.dumps(user_claims()).encode()
    claims += b" " * (4 - len(claims) % 3)
    assert len(claims) % 3 == 1
    spelled = b64(claims)
    assert await Bench().refuse(signed(HEADER, spelled[:-1] + chr(ord(spelled[-1]) + 1))) == "B2"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("change", [" ", "\t", ",", '"'])
async def test_t2_a_sign_that_ends_a_fields_token_is_refused(place, change):
    parts = [HEADER, PAYLOAD, SIGNATURE]
    parts[place] += change
    assert await Bench().refuse(".".join(parts)) == "T2"


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f"])
async def test_t2_anything_but_three_parts_is_refused(token):
    assert await Bench().refuse(token) == "T2"


async def test_t2_an_encrypted_token_is_refused_with_the_reason():
    with pytest.raises(MalformedTokenError, match="does not decrypt") as refusal:
        await Bench().validator.validate("a.b.c.d.e")
    assert refusal.value.rule == "T2"


BAD_JSON = [
    ("J1", '{"a":1}'.encode("utf-16")),
    ("J1", b"\xef\xbb\xbf" + json.dumps(user_claims()).encode()),
    ("J2", b"[1]"),
    ("J2", json.dumps(user_claims()).encode() + b" x"),
    ("J2", b"null"),
    ("J3", b'{"alg":"none",' + json.dumps({"alg": "RS256", "kid": "first"}).encode()[1:]),
    ("J4", b'{"a":NaN}'),
    ("J5", b'{"a":1e999}'),
    ("J5", b'{"a":' + b"9" * 65 + b"}"),
    ("J6", b'{"a":' + b"[" * 65 + b"]" * 65 + b"}"),
    ("J6", b'{"a":' + b"[" * 2_000),
]


@pytest.mark.parametrize(("rule", "data"), BAD_JSON)
async def test_j1_to_j6_hold_in_the_header(rule, data):
    assert await Bench().refuse(KEY.token(user_claims(), header=data)) == rule


@pytest.mark.parametrize(("rule", "data"), BAD_JSON)
async def test_j1_to_j6_hold_in_the_claims(rule, data):
    assert await Bench().refuse(KEY.token(data)) == rule


async def test_claims_are_not_read_before_the_signature_holds():
    assert await Bench().refuse(f"{HEADER}.{b64(b'[')}.{SIGNATURE}") == "S2"
