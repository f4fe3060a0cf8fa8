"""``sign_in`` and ``sign_in_device``: a browser and its user in one call."""

import json
from urllib.parse import urlencode

import pytest

from msidweb.errors import InvalidCallError


@pytest.fixture
def url(web, entra):
    def url(*, tenant=None, **changed):
        query = urlencode(web.fields(**changed))
        return f"{entra.authority(tenant)}/oauth2/v2.0/authorize?{query}"

    return url


async def test_the_user_signs_in_and_consents(web, entra, sample, url):
    answer = entra.sign_in(sample.alice, url())

    body = (await web.redeem(answer["code"])).json()
    assert answer["state"] == "a state"
    assert entra.recognize(body["access_token"])["oid"] == sample.alice.oid


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_the_answer_is_the_same_in_every_mode(entra, sample, url, mode):
    assert {"code", "state"} <= entra.sign_in(sample.alice, url(response_mode=mode)).keys()


async def test_the_user_approves_a_second_factor(web, entra, sample, url):
    entra.require_mfa(sample.api)
    claims = json.dumps({"access_token": {"acrs": {"value": "c1"}}})

    answer = entra.sign_in(sample.alice, url(claims=claims))
    refused = entra.sign_in(sample.alice, url(), approve=False)

    token = (await web.redeem(answer["code"])).json()["access_token"]
    assert entra.recognize(token)["acrs"] == ["c1"]
    assert refused["error"] == "access_denied"
    assert refused["error_description"].startswith("AADSTS500121: ")
    assert refused["state"] == "a state"


def test_the_client_hears_what_the_user_may_not(entra, sample, url):
    scope = entra.graph.scope("User.Read.All")

    answer = entra.sign_in(sample.alice, url(scope=scope))

    assert answer["error_description"].startswith("AADSTS90094: ")


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"redirect_uri": "https://evil.example"}, 50011), ({"client_id": "nobody"}, 700016)],
)
def test_what_a_page_would_say_is_raised(entra, sample, url, changed, code):
    with pytest.raises(InvalidCallError, match=f"AADSTS{code}"):
        entra.sign_in(sample.alice, url(**changed))


def test_a_stranger_does_not_get_in(entra, url):
    hugo = entra.add_user("hugo", tenant=entra.add_tenant("fabrikam"))

    with pytest.raises(InvalidCallError, match="AADSTS50020"):
        entra.sign_in(hugo, url())


def test_a_device_code_that_nobody_has_is_raised(entra, sample):
    with pytest.raises(InvalidCallError, match="AADSTS70018"):
        entra.sign_in_device(sample.alice, "WRONG")


async def test_every_sign_in_is_a_browser_of_its_own(web, entra, sample, url):
    entra.sign_in(sample.alice, url())

    answer = entra.sign_in(sample.bob, url())

    body = (await web.redeem(answer["code"])).json()
    assert entra.recognize(body["access_token"])["oid"] == sample.bob.oid
