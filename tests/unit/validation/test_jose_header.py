from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from tests.support.signing import b64, key_pair, user_claims
from tests.support.validating import KEY, Bench, key_set

from msidweb.errors import InvalidSignatureError, MalformedTokenError, UnknownKeyError


def with_header(**members) -> str:
    return KEY.token(user_claims(), **members)


@pytest.mark.parametrize(
    "algorithm",
    [
        *["none", "NoNe", "", "rs256", "RS256 ", "RS384", "RS512", "PS256", "ES256", "HS256"],
        *[5, None, ["RS256"], {"alg": "RS256"}],
    ],
)
async def test_h1_any_algorithm_but_rs256_is_refused(algorithm):
    assert await Bench().refuse(with_header(alg=algorithm)) == "H1"


async def test_h1_an_hmac_with_the_public_key_is_refused():
    header = b64(json.dumps({"alg": "HS256", "kid": "first"}).encode())
    signed = f"{header}.{b64(json.dumps(user_claims()).encode())}"
    secret = json.dumps(KEY.jwk()).encode()
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    assert await Bench().refuse(f"{signed}.{b64(mac)}") == "H1"


@pytest.mark.parametrize(
    "member",
    [{"crit": ["exp"]}, {"crit": []}, {"b64": True}, {"zip": "DEF"}, {"enc": "A256GCM"}],
)
async def test_h2_members_that_change_the_meaning_are_refused(member):
    assert await Bench().refuse(with_header(**member)) == "H2"


async def test_h3_cty_is_refused():
    assert await Bench().refuse(with_header(cty="JWT")) == "H3"


@pytest.mark.parametrize("kind", ["dpop+jwt", "logout+jwt", "id_token", "", 5, ["JWT"]])
async def test_h4_another_typ_is_refused(kind):
    assert await Bench().refuse(with_header(typ=kind)) == "H4"


@pytest.mark.parametrize(
    "kind", [None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"]
)
async def test_h4_the_types_of_access_tokens_are_accepted(kind):
    assert await Bench().accept(with_header(typ=kind))


@pytest.mark.parametrize("kid", [None, "", 5, ["first"], "k" * 257])
async def test_h5_a_token_must_name_its_key(kid):
    bench = Bench()
    assert await bench.refuse(with_header(kid=kid)) == "H5"
    assert bench.keys.searched == []


async def test_k1_an_unknown_key_is_searched_for_and_refused():
    bench = Bench()
    with pytest.raises(UnknownKeyError):
        await bench.validator.validate(key_pair("other").token(user_claims()))
    assert bench.keys.searched == ["other"]


async def test_k1_the_id_must_match_exactly():
    assert await Bench().refuse(with_header(kid="First")) == "K1"


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t"])
async def test_keys_in_the_token_are_not_looked_at(name):
    other = key_pair("other")
    token = other.token(user_claims(), kid="first", **{name: other.jwk()})
    assert await Bench().refuse(token) == "S2"
    assert await Bench().accept(KEY.token(user_claims(), **{name: "https://evil.example"}))


async def test_k5_a_key_of_another_cloud_is_refused():
    key = KEY.jwk(cloud_instance_name="microsoftonline.us")
    bench = Bench(keys=key_set(key, cloud="microsoftonline.com"))
    assert await bench.refuse_claims() == "K5"


@pytest.mark.parametrize(
    ("of_key", "of_metadata"),
    [("microsoftonline.com", "microsoftonline.com"), (None, "x"), ("x", None), (None, None)],
)
async def test_k5_a_key_of_the_same_cloud_or_of_none_is_accepted(of_key, of_metadata):
    key = KEY.jwk(cloud_instance_name=of_key)
    assert await Bench(keys=key_set(key, cloud=of_metadata)).accept_claims()


async def test_s1_a_signature_of_another_length_is_refused():
    signed, _, signature = with_header().rpartition(".")
    assert len(signature) == 342
    for wrong in ("", b64(bytes(255)), b64(bytes(257)), "AAAA" + signature):
        assert await Bench().refuse(f"{signed}.{wrong}") == "S1"


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_s2_any_change_of_a_signed_token_is_refused(part):
    first, second = with_header(), KEY.token(user_claims(scp="admin"), typ=None)
    parts = first.split(".")
    parts[part] = second.split(".")[part]
    with pytest.raises(InvalidSignatureError) as refusal:
        await Bench().validator.validate(".".join(parts))
    assert refusal.value.rule == "S2"


@pytest.mark.parametrize(
    "sign",
    [
        lambda data: KEY.private.sign(data, padding.PSS(padding.MGF1(SHA256()), 32), SHA256()),
        lambda data: KEY.private.sign(data, padding.PKCS1v15(), SHA384()),
        lambda data: bytes(256),
    ],
)
async def test_s2_another_kind_of_signature_is_refused(sign):
    signed = with_header().rpartition(".")[0]
    assert await Bench().refuse(f"{signed}.{b64(sign(signed.encode()))}") == "S2"


async def test_a_token_for_microsoft_graph_is_named_as_such():
    token = key_pair("other").token(user_claims(), kid="first", nonce="x")
    with pytest.raises(InvalidSignatureError, match="Microsoft Graph"):
        await Bench().validator.validate(token)


async def test_a_header_is_judged_once_and_a_forged_one_is_not_remembered():
    bench = Bench()
    for number in range(100):
        await bench.refuse(key_pair("other").token(user_claims(), kid="first", x=number))
    assert len(bench.validator._headers) == 0
    for number in range(100):
        await bench.accept(with_header(x=number))
    assert 0 < len(bench.validator._headers) <= 64


async def test_malformed_headers_say_what_without_the_value():
    with pytest.raises(MalformedTokenError) as refusal:
        await Bench().validator.validate(with_header(typ="canary"))
    assert "canary" not in str(refusal.value)
