"""Tokens and requests that want in, or want to keep the loop busy."""

from tests.support.signing import user_claims
from tests.support.validating import KEY, Bench


async def test_t3_a_header_far_longer_than_any_of_entra_is_refused_unread():
    bench = Bench()
    assert await bench.refuse(KEY.token(user_claims(), junk="x" * 3_100)) == "T3"
    assert await bench.accept(KEY.token(user_claims(), x5c=["x" * 2_500]))
