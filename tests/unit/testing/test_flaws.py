"""Tokens and key documents that are wrong on purpose, in one way each."""

import typing

import jwt
import pytest

from msidweb import AuthenticationError, IdentityBuilder
from msidweb.testing import environment_of
from msidweb.testing.entra.flaws import Flaw

FLAWS = typing.get_args(Flaw)


@pytest.fixture
async def validator(entra, sample):
    settings = {"AzureAd": entra.azure_ad(sample.api)}
    identity = (
        IdentityBuilder.from_appsettings(environ=environment_of(settings))
        .add_microsoft_identity_web_api("AzureAd")
        .add_http_client("Entra", transport=entra.transport())
        .override(clock=entra.clock)
        .build()
    )
    async with identity:
        yield identity.token_validator


@pytest.mark.parametrize("flaw", FLAWS)
async def test_our_own_api_refuses_every_flaw(validator, entra, sample, flaw):
    token = entra.user_token(sample.alice, resource=sample.api)

    assert (await validator.validate(token)).object_id == sample.alice.oid
    with pytest.raises(AuthenticationError):
        await validator.validate(entra.flawed(token, flaw))


@pytest.mark.parametrize("flaw", FLAWS)
def test_nothing_else_changes(entra, sample, flaw):
    token = entra.user_token(sample.alice, resource=sample.api)
    flawed = entra.flawed(token, flaw)

    was, now = (jwt.decode(t, options={"verify_signature": False}) for t in (token, flawed))
    changed = {name for name in was | now if was.get(name) != now.get(name)}
    header = jwt.get_unverified_header(flawed)

    expected = {"issuer": {"iss"}, "expired": {"iat", "nbf", "exp"}, "early": {"iat", "nbf", "exp"}}
    assert changed == expected.get(flaw, set())
    assert ("kid" in header) is (flaw != "no_kid")
    assert (header["alg"] == "none") is (flaw == "unsigned")
    assert (entra.recognize(flawed) is not None) is (flaw in expected)


async def test_the_next_answer_may_carry_a_flawed_token(obo, entra):
    entra.fail_next("token", flaw="signature")

    flawed, good = (await obo()).json(), (await obo()).json()

    assert entra.recognize(flawed["access_token"]) is None
    assert entra.recognize(good["access_token"])


async def test_both_tokens_of_an_answer_are_flawed(spa, entra):
    await spa.browser.press(await spa.begin(), "alice")
    entra.fail_next("token", flaw="unknown_kid")

    body = (await spa.redeem(spa.browser.answer["code"])).json()

    for token in ("access_token", "id_token"):
        assert jwt.get_unverified_header(body[token])["kid"] == "unknown"


async def test_keys_may_be_listed_twice(validator, client, entra, sample):
    entra.fail_next("keys", damage="duplicates", times=None)

    keys = (await client.get(f"{entra.authority()}/discovery/v2.0/keys")).json()["keys"]
    token = entra.user_token(sample.alice, resource=sample.api)

    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert (await validator.validate(token)).object_id == sample.alice.oid
