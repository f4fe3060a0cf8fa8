"""Tokens and requests that want in, or want to keep the loop busy."""

import pytest
from tests.support.signing import app_claims, user_claims
from tests.support.validating import KEY, Bench

from msidweb.errors import MalformedTokenError


async def test_t3_a_header_far_longer_than_any_of_entra_is_refused_unread():
    bench = Bench()
    assert await bench.refuse(KEY.token(user_claims(), junk="x" * 3_100)) == "T3"
    assert await bench.accept(KEY.token(user_claims(), x5c=["x" * 2_500]))


@pytest.mark.parametrize("sign", [b" ", b"a"])
@pytest.mark.parametrize("scheme", [b"", b"Bearer ", b"Basic "])
async def test_t3_a_field_of_a_megabyte_is_refused_unread(scheme, sign):
    with pytest.raises(MalformedTokenError) as refusal:
        await Bench().validator.validate_authorization([scheme + sign * 1_000_000])
    assert refusal.value.rule == "T3"


@pytest.mark.parametrize("blank", ["\t", "\u00a0", " \n "])
async def test_p1_what_is_blank_is_neither_a_scope_nor_a_role(blank):
    bench = Bench()
    assert await bench.refuse_claims(scp=blank) == "P1"
    assert await bench.refuse(KEY.token(app_claims(roles=[blank, ""]))) == "P1"
