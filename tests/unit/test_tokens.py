import pickle

import pytest

from msidweb.principal import Assertion
from msidweb.tokens import AcquiredToken, CacheLevel, TokenSource


def token():
    return AcquiredToken(access_token="secret", expires_on=10.0, scopes=("a",), tenant_id="t")


def test_the_digest_of_an_assertion_is_dotnets_cache_key():
    assert Assertion("abc.def.ghi").digest == "ZVnpC13VdAW98YDym1CQU6PTbEq_PeU1qySbVNQycjQ"


def test_a_token_knows_its_header_and_how_it_looks_from_the_cache():
    fresh = token()
    cached = fresh.from_cache(CacheLevel.L1)

    assert fresh.header == cached.header == "Bearer secret"
    assert (fresh.source, fresh.cache_level) == (TokenSource.IDENTITY_PROVIDER, CacheLevel.NONE)
    assert (cached.source, cached.cache_level) == (TokenSource.CACHE, CacheLevel.L1)


def test_a_token_is_neither_shown_nor_pickled():
    assert "secret" not in repr(token())
    with pytest.raises(TypeError):
        pickle.dumps(token())
