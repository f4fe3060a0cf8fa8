from __future__ import annotations

import inspect

import pytest
from tests.support.signing import user_claims
from tests.support.validating import KEY, Bench

from msidweb.challenge import answer_for
from msidweb.errors import (
    AuthenticationError,
    InvalidCallError,
    MalformedTokenError,
    MissingTokenError,
)
from msidweb.validation import TokenValidator

TOKEN = KEY.token(user_claims())


async def refusal(fields, **options) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as refused:
        await Bench().validator.validate_authorization(fields, **options)
    return refused.value


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [b""],
        ["  "],
        [b"Bearer"],
        [b"bearer  "],
        [b"Basic YTpi"],
        [b"Bearerx y"],
        [b"Negotiate"],
    ],
)
async def test_t0_no_bearer_token_is_a_bare_challenge(fields):
    error = await refusal(fields)
    assert isinstance(error, MissingTokenError)
    assert error.rule == "T0"
    assert answer_for(error).headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize("second", [TOKEN, "", "Basic YTpi", None])
async def test_t1_a_second_field_is_refused_whatever_it_holds(second):
    first = f"Bearer {TOKEN}"
    fields = [first, first if second is None else second]
    assert (await refusal(fields)).rule == "T1"
    assert (await refusal(fields[::-1])).rule == "T1"


@pytest.mark.parametrize(
    "field",
    [
        f"Bearer {TOKEN} trailing",
        f"Bearer\t{TOKEN}",
        f"Bearer \t{TOKEN}",
        f"Bearer {TOKEN}\t",
        f"Bearer\xa0{TOKEN}",
        f'Bearer "{TOKEN}"',
        f"Bearer {TOKEN},{TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        f"Bearer,{TOKEN}",
        "Bearer a.b",
        "Bearer a.b.c.d",
    ],
)
async def test_t2_another_form_is_refused(field):
    error = await refusal([field])
    assert isinstance(error, MalformedTokenError)
    assert error.rule == "T2"


@pytest.mark.parametrize(
    "field", [f"Bearer {TOKEN};", f"Bearer {TOKEN}=", f"Bearer {TOKEN}\xff", f"Bearer {TOKEN}\xa0"]
)
async def test_t2_b1_foreign_signs_in_the_token_are_refused(field):
    assert (await refusal([field.encode("latin-1")])).rule == "B1"


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "bEaReR   ", "  Bearer "])
async def test_t2_the_scheme_counts_in_any_case_and_with_any_spaces(scheme):
    for field in (f"{scheme}{TOKEN}", f"{scheme}{TOKEN}".encode(), f"{scheme}{TOKEN}  "):
        assert await Bench().validator.validate_authorization([field])


@pytest.mark.parametrize("length", [65_537, 300_000])
async def test_t3_an_overlong_token_is_refused_before_it_is_looked_at(length):
    assert (await refusal([b"Bearer " + b"a" * length])).rule == "T3"
    assert await Bench().refuse("." * length) == "T3"


async def test_t3_the_limit_is_the_policys():
    bench = Bench(longest_token=len(TOKEN))
    assert await bench.validator.validate_authorization([f"Bearer {TOKEN}"])
    assert await Bench(longest_token=len(TOKEN) - 1).refuse(TOKEN) == "T3"


def test_t4_nothing_but_authorization_fields_can_bring_a_token():
    parameters = inspect.signature(TokenValidator.validate_authorization).parameters
    assert set(parameters) == {"self", "fields", "query_string"}


async def test_t4_a_token_in_the_query_alone_is_no_token():
    assert (await refusal([], query_string=f"access_token={TOKEN}")).rule == "T0"


@pytest.mark.parametrize(
    "query",
    [
        b"access_token=x",
        "a=1&access_token=",
        "access_token",
        "access%5Ftoken=x",
        "%61ccess_token=x",
        "&".join(["access=1"] * 2_000),
    ],
)
async def test_t5_a_second_token_in_the_query_is_a_bad_request(query):
    error = await refusal([f"Bearer {TOKEN}"], query_string=query)
    assert error.rule == "T5"
    answer = answer_for(error)
    assert answer.status == 400
    assert answer.body["error"] == "invalid_request"


@pytest.mark.parametrize("query", ["", "a=1", "accessible=1", "a=%20"])
async def test_t5_other_queries_are_no_matter(query):
    fields = [f"Bearer {TOKEN}"]
    assert await Bench().validator.validate_authorization(fields, query_string=query)


@pytest.mark.parametrize("fields", [None, 3, [3], [None], f"Bearer {TOKEN}", object()])
async def test_fields_of_a_wrong_kind_are_a_mistake_of_the_code_and_not_of_the_caller(fields):
    with pytest.raises(InvalidCallError) as caught:
        await Bench().validator.validate_authorization(fields)
    assert caught.value.code == "invalid_argument"
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("query", [3, ["access_token=x"], object()])
async def test_a_query_of_a_wrong_kind_is_never_passed_over(query):
    with pytest.raises(InvalidCallError, match="query_string takes bytes or str"):
        await Bench().validator.validate_authorization([f"Bearer {TOKEN}"], query_string=query)
