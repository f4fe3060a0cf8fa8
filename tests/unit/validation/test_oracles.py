"""Whatever this validator accepts, joserfc and PyJWT accept as well."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jwt as pyjwt
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from tests.support.signing import CLIENT, NOW, TENANT, app_claims, b64, key_pair, user_claims
from tests.support.validating import KEY, Bench

from msidweb.errors import AuthenticationError

ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
JOSE_KEY = RSAKey.import_key({**KEY.jwk(), "alg": "RS256"})
# RFC 7515 section 4: members that nobody knows are ignored.
LENIENT = JWSRegistry(strict_check_header=False)
PUBLIC = KEY.private.public_key()


def accepts(token: str) -> bool:
    try:
        asyncio.run(Bench().validator.validate(token))
    except AuthenticationError:
        return False
    return True


def oracles_accept(token: str) -> None:
    """Raise if one of the two libraries refuses what we accepted."""
    by_pyjwt = pyjwt.decode(
        token,
        PUBLIC,
        algorithms=["RS256"],
        audience=CLIENT,
        issuer=ISSUER,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    by_joserfc = joserfc_jwt.decode(token, JOSE_KEY, algorithms=["RS256"], registry=LENIENT)
    registry = joserfc_jwt.JWTClaimsRegistry(
        now=int(NOW),
        leeway=300,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": CLIENT},
        exp={"essential": True},
    )
    registry.validate(by_joserfc.claims)
    assert by_pyjwt == by_joserfc.claims


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from([CLIENT, [CLIENT], ISSUER, TENANT, NOW, int(NOW) + 400, "2.0", "1.0", "RS256"]),
    st.lists(st.one_of(st.text(max_size=4), st.just(CLIENT), st.none()), max_size=3),
)
CLAIMS = st.sampled_from([*user_claims(), *app_claims(), "nbf", "TID", "cnf", "extra"])
MEMBERS = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "zip", "cty", "enc", "extra"])


@settings(max_examples=150, deadline=None)
@given(
    base=st.sampled_from([user_claims(), app_claims()]),
    claims=st.dictionaries(CLAIMS, VALUES, max_size=2),
    header=st.dictionaries(MEMBERS, VALUES, max_size=1),
)
def test_changed_and_signed_tokens(base, claims, header):
    token = KEY.token({**base, **claims}, **header)
    if accepts(token):
        oracles_accept(token)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10_000), sign=st.sampled_from("AZaz09-_=.+/ \n"), cut=st.booleans())
def test_damaged_tokens_are_refused(place, sign, cut):
    token = KEY.token(user_claims())
    place %= len(token)
    damaged = token[:place] + ("" if cut else sign) + token[place + 1 :]
    assert accepts(damaged) == (damaged == token)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=40).map(b64))
def test_any_text_is_refused_with_an_error_of_ours(text):
    assert not accepts(text)
    assert not accepts(f"{text}.{text}.{text}")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_signed_bytes_are_refused_or_right_for_all(data):
    token = KEY.token(data)
    assert not accepts(token)
    assert not accepts(KEY.token(user_claims(), header=data))


def test_the_oracles_accept_a_good_token():
    for claims in (user_claims(), app_claims()):
        token = KEY.token(claims)
        assert accepts(token)
        oracles_accept(token)


def test_what_the_oracles_let_through_is_refused_here():
    doubled = json.dumps(user_claims()).encode()[:-1] + b',"scp":"admin"}'
    token = KEY.token(doubled)
    assert pyjwt.decode(
        token,
        PUBLIC,
        algorithms=["RS256"],
        options={
            "verify_signature": True,
            "verify_aud": False,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        },
    )
    assert not accepts(token)
    assert not accepts(key_pair("other").token(user_claims(), kid="first"))
