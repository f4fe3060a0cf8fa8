"""Authorization codes and the refresh tokens that follow: who may redeem them, how often, when."""

import pytest
from tests.support.sign_in import challenge


@pytest.fixture
async def code(spa):
    await spa.browser.press(await spa.begin(), "alice")
    return spa.browser.answer["code"]


def codes_of(response):
    return response.json()["error_codes"]


async def test_a_code_is_used_once_and_the_second_use_ends_what_the_first_gave(spa, code):
    body = (await spa.redeem(code)).json()

    replayed = await spa.redeem(code)
    refreshed = await spa.refresh(body["refresh_token"])

    assert (replayed.status_code, codes_of(replayed)) == (400, [54005])
    assert replayed.json()["error"] == "invalid_grant"
    assert codes_of(refreshed) == [50173]


async def test_a_replay_ends_what_an_api_may_do_with_the_access_token(spa, code, obo):
    token = (await spa.redeem(code)).json()["access_token"]
    before = await obo(assertion=token)

    await spa.redeem(code)

    assert before.status_code == 200
    assert codes_of(await obo(assertion=token)) == [50173]


async def test_a_replay_ends_the_tokens_of_that_code_alone(spa, code):
    await spa.redeem(code)
    await spa.begin()
    other = (await spa.redeem(spa.browser.answer["code"])).json()
    await spa.redeem(code)

    assert (await spa.refresh(other["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"code_verifier": "w" * 43}, (501481, "invalid_grant")),
        ({"code_verifier": None}, (501481, "invalid_grant")),
        ({"code_verifier": challenge()}, (501481, "invalid_grant")),
        ({"redirect_uri": "https://spa.contoso.example/other"}, (500112, "invalid_client")),
        ({"redirect_uri": None}, (500112, "invalid_client")),
        ({"code": "made up"}, (70008, "invalid_grant")),
        ({"code": None}, (900144, "invalid_request")),
        ({"tenant": "fabrikam.onmicrosoft.com"}, (700016, "unauthorized_client")),
    ],
)
async def test_a_code_is_bound(spa, entra, code, fields, refusal):
    entra.add_tenant("fabrikam")

    refused = await spa.redeem(**{"code": code, **fields})

    assert (*codes_of(refused), refused.json()["error"]) == refusal
    assert (await spa.redeem(code)).status_code == 200


async def test_a_code_is_bound_to_its_client(spa, web, code):
    web.redirect_uri = spa.redirect_uri

    assert codes_of(await web.redeem(code)) == [70008]


async def test_a_code_is_bound_to_its_tenant(entra, spa):
    fabrikam = entra.add_tenant("fabrikam")
    spa.app = entra.add_app(
        "everywhere", public=True, multi_tenant=True, redirect_uris={"spa": [spa.redirect_uri]}
    )
    page = await spa.browser.press(await spa.begin(scope="openid"), "alice")
    assert page
    code = spa.browser.answer["code"]

    assert codes_of(await spa.redeem(code, tenant=fabrikam.id)) == [700005]
    assert (await spa.redeem(code, tenant="common", scope="openid")).status_code == 200


@pytest.mark.parametrize(("age", "status"), [(599, 200), (600, 400)])
async def test_a_code_lives_ten_minutes(spa, code, clock, age, status):
    clock.advance(age)

    assert (await spa.redeem(code)).status_code == status


async def test_the_life_of_codes_can_be_changed(spa, entra, code, clock):
    entra.lifetimes.authorization_code = 5
    clock.advance(5)

    assert codes_of(await spa.redeem(code)) == [70008]


async def test_a_web_app_proves_who_it_is(web):
    page = await web.browser.press(await web.begin(), "alice")
    await web.browser.press(page, "Accept")

    refused = await web.redeem(web.browser.answer["code"], client_secret=None)

    assert codes_of(refused) == [7000218]


async def test_a_web_app_may_do_without_a_verifier_but_then_none_is_taken(web):
    page = await web.browser.press(
        await web.begin(code_challenge=None, code_challenge_method=None), "alice"
    )
    await web.browser.press(page, "Accept")
    code = web.browser.answer["code"]

    assert codes_of(await web.redeem(code)) == [501481]
    assert (await web.redeem(code, code_verifier=None)).status_code == 200


async def test_a_web_app_may_promise_the_verifier_itself(web):
    page = await web.browser.press(
        await web.begin(code_challenge="v" * 43, code_challenge_method=None), "alice"
    )
    await web.browser.press(page, "Accept")

    assert (await web.redeem(web.browser.answer["code"])).status_code == 200


async def test_a_single_page_app_asks_across_origins(spa, code):
    origin, spa.origin = spa.origin, None
    refused = await spa.redeem(code)
    spa.origin = origin
    answer = await spa.redeem(code)

    assert codes_of(refused) == [9002327]
    assert answer.headers["access-control-allow-origin"] == "*"
    spa.origin = None
    assert codes_of(await spa.refresh(answer.json()["refresh_token"])) == [9002327]


async def test_a_web_app_does_not_ask_across_origins(web):
    page = await web.browser.press(await web.begin(), "alice")
    await web.browser.press(page, "Accept")
    web.origin = "https://app.contoso.example"

    assert codes_of(await web.redeem(web.browser.answer["code"])) == [9002326]


async def test_an_app_with_a_secret_redeems_its_pages_code_without_it(web, entra):
    entra.add_redirect_uri(web.app, "https://app.contoso.example/page", platform="spa")
    web.redirect_uri, web.origin = "https://app.contoso.example/page", "https://app.contoso.example"
    page = await web.browser.press(await web.begin(), "alice")
    await web.browser.press(page, "Accept")

    body = (await web.redeem(web.browser.answer["code"], client_secret=None)).json()

    assert (await web.refresh(body["refresh_token"], client_secret=None)).status_code == 200


async def test_a_stolen_code_of_a_page_does_not_spare_another_client_its_secret(web, code, spa):
    web.redirect_uri, web.origin = spa.redirect_uri, spa.origin

    assert codes_of(await web.redeem(code, client_secret=None)) == [70008]


async def test_the_refresh_tokens_of_a_page_end_with_the_first(spa, code, clock):
    first = (await spa.redeem(code)).json()["refresh_token"]
    clock.advance(86_399)
    second = (await spa.refresh(first)).json()["refresh_token"]
    clock.advance(1)

    assert second != first
    assert codes_of(await spa.refresh(first)) == [700084]
    assert codes_of(await spa.refresh(second)) == [700084]


async def test_the_nonce_is_for_the_first_id_token(spa, entra, code):
    body = (await spa.redeem(code)).json()

    renewed = (await spa.refresh(body["refresh_token"])).json()

    assert entra.recognize(body["id_token"])["nonce"] == "a nonce"
    assert "nonce" not in entra.recognize(renewed["id_token"])


async def test_the_scope_may_be_left_out_of_the_redemption(spa, entra, code, sample):
    body = (await spa.redeem(code, scope=None)).json()

    assert entra.recognize(body["access_token"])["aud"] == sample.api.client_id


@pytest.mark.parametrize("path", ["oauth2/v2.0/token", "v2.0/.well-known/openid-configuration"])
async def test_a_browser_may_ask_ahead(entra, http, path):
    answer = await http.options(
        f"{entra.authority()}/{path}",
        headers={"Origin": "https://spa", "Access-Control-Request-Method": "POST"},
    )

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]


async def test_a_fault_is_for_one_user_at_redemption_too(spa, entra, sample, code):
    entra.fail_next("token", code=50173, user=sample.alice)

    assert codes_of(await spa.redeem(code)) == [50173]


async def test_nothing_on_the_wire_shows_a_code_or_cookie(spa, entra, code):
    await spa.redeem(code)
    await spa.begin()

    shown = repr(entra.wire.requests)
    assert code not in shown
    assert "ESTSAUTH" not in shown
    assert [request.endpoint for request in entra.wire.requests] == [
        *("authorize", "login", "token", "authorize")
    ]
