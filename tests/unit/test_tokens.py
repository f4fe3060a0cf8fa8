import asyncio
import base64
import hashlib
import pickle

import pytest

from msidweb.principal import Assertion, Principal, ambient_principal, principal_scope
from msidweb.tokens import AcquiredToken, CacheLevel, TokenSource

TOKEN = "abc.def.ghi"


def principal(**changes):
    fields = {
        "tenant_id": "t",
        "object_id": "o",
        "client_id": "c",
        "scopes": frozenset({"read"}),
        "roles": frozenset(),
        "is_app": False,
        "expires_at": 2_000_000_000.0,
        "assertion": Assertion(TOKEN),
    }
    return Principal({"name": "Alice", "oid": "o"}, **(fields | changes))


def test_the_digest_of_an_assertion_is_dotnets_cache_key():
    expected = base64.urlsafe_b64encode(hashlib.sha256(TOKEN.encode()).digest()).rstrip(b"=")

    assert Assertion(TOKEN).digest == expected.decode()
    assert Assertion(TOKEN).digest == "ZVnpC13VdAW98YDym1CQU6PTbEq_PeU1qySbVNQycjQ"


def test_reprs_show_neither_tokens_nor_names():
    text = repr([principal(), principal().assertion, token()])

    assert TOKEN not in text
    assert "Alice" not in text
    assert "secret" not in text


@pytest.mark.parametrize("value", [principal(), Assertion(TOKEN)], ids=["principal", "assertion"])
def test_callers_and_their_tokens_are_not_pickled(value):
    with pytest.raises(TypeError):
        pickle.dumps(value)


def test_claims_cannot_be_changed():
    with pytest.raises(TypeError):
        principal().claims["oid"] = "other"


async def test_the_ambient_caller_reaches_tasks_started_inside_and_nobody_after():
    async def who():
        return ambient_principal()

    caller = principal()
    with principal_scope(caller):
        inside = asyncio.create_task(who())
    outside = asyncio.create_task(who())

    assert await inside is caller
    assert await outside is None
    assert ambient_principal() is None


def token(**changes):
    fields = {"access_token": "secret", "expires_on": 10.0, "scopes": ("a",), "tenant_id": "t"}
    return AcquiredToken(**(fields | changes))


def test_a_token_knows_its_header_and_how_it_looks_from_the_cache():
    fresh = token()
    cached = fresh.from_cache(CacheLevel.L1)

    assert fresh.header == cached.header == "Bearer secret"
    assert (fresh.source, fresh.cache_level) == (TokenSource.IDENTITY_PROVIDER, CacheLevel.NONE)
    assert (cached.source, cached.cache_level) == (TokenSource.CACHE, CacheLevel.L1)


def test_a_token_is_not_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(token())
