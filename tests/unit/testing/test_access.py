"""Conditional access and continuous access evaluation of the emulator and its stand-ins."""

import base64
import json
from urllib.parse import urlencode

import httpx
import pytest
from tests.support.sign_in import CALLBACK, challenge

from msidweb.challenge import claims_challenge
from msidweb.errors import InvalidCallError
from msidweb.testing import DownstreamEcho

CP1 = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'


def claims_for(**access_token: object) -> str:
    return json.dumps({"access_token": access_token})


@pytest.fixture
async def call(entra, sample):
    """Calls a stand-in with a token; what it answers."""
    open_clients = []

    async def call(token, path="/", api=None):
        transport = entra.transport() if api is None else httpx.ASGITransport(api)
        client = httpx.AsyncClient(transport=transport, base_url="https://graph.microsoft.com")
        open_clients.append(client)
        return await client.get(path, headers={"Authorization": f"Bearer {token}"})

    yield call
    for client in open_clients:
        await client.aclose()


@pytest.fixture
def partner(entra, sample):
    return DownstreamEcho(entra, sample.partner)


@pytest.fixture
def token(entra, sample):
    """A token of Alice for an API, of a client that declared ``cp1`` unless told otherwise."""

    def token(resource=None, *, capable=True, **claims):
        capabilities = {"xms_cc": ["CP1"]} if capable else {}
        return entra.user_token(
            sample.alice, resource=resource or sample.partner, claims={**capabilities, **claims}
        )

    return token


def wanted_by(response) -> dict[str, object]:
    claims = claims_challenge(response.headers.get_list("www-authenticate"))
    return json.loads(claims)["access_token"]


@pytest.mark.parametrize(("how", "code"), [({}, 50076), ({"registered": False}, 50079)])
async def test_a_second_factor_is_demanded_and_suffices(obo, entra, sample, how, code):
    entra.require_mfa(sample.partner, **how)
    refused = (await obo()).json()

    strong = entra.step_up(sample.alice, refused["claims"], resource=sample.api)

    assert (refused["error"], refused["error_codes"]) == ("interaction_required", [code])
    assert (await obo(assertion=strong)).status_code == 200
    assert entra.recognize(strong)["amr"] == ["pwd", "mfa"]


@pytest.mark.parametrize("code", [53000, 53001, 53003])
async def test_a_block_stays_whatever_the_user_does(obo, entra, sample, code):
    policy = entra.block_access(sample.partner, code=code)
    refused = (await obo()).json()
    strong = entra.step_up(sample.alice, refused["claims"], resource=sample.api)

    assert refused["error_codes"] == [code]
    assert json.loads(refused["claims"]) == json.loads(policy.challenge)
    assert (await obo(assertion=strong)).json()["error_codes"] == [code]
    entra.lift_policy(policy)
    assert (await obo()).status_code == 200


async def test_a_policy_may_be_for_one_client(obo, entra, sample):
    entra.require_mfa(sample.partner, client=sample.daemon)
    assert (await obo()).status_code == 200

    entra.require_mfa(sample.partner, client=sample.api)
    assert (await obo()).json()["error_codes"] == [50076]


async def test_policies_of_different_reach_have_names_of_their_own(entra, sample):
    policies = [
        entra.require_mfa(sample.partner),
        entra.require_mfa(sample.partner, registered=False),
        entra.require_mfa(sample.partner, user=sample.alice),
        entra.require_mfa(sample.partner, client=sample.api),
        entra.block_access(sample.partner),
    ]

    assert len({policy.id for policy in policies}) == len(policies)


async def test_the_page_of_a_blocked_sign_in_leads_nowhere(spa, entra, sample):
    entra.block_access(sample.api)

    page = await spa.browser.press(await spa.begin(), "alice")

    assert "AADSTS53003" in page.response.text
    assert page.buttons == []


async def test_a_blocked_silent_sign_in_is_told_to_the_client(spa, entra, sample):
    await spa.browser.press(await spa.begin(), "alice")
    policy = entra.block_access(sample.api)

    await spa.begin(prompt="none")

    assert "AADSTS53003" in spa.browser.answer["error_description"]
    assert policy.id in spa.browser.answer["claims"]


async def test_a_revoked_sign_in_is_refused_with_the_time_of_a_new_one(
    obo, ask, entra, sample, clock
):
    old = entra.user_token(sample.alice, resource=sample.api)
    entra.revoke_sessions(sample.alice)
    clock.advance(1)

    refused = (await obo(assertion=old)).json()

    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50173])
    revoked_at = str(int(clock.time()) - 1)
    assert json.loads(refused["claims"])["access_token"]["nbf"]["value"] == revoked_at
    new = entra.step_up(sample.alice, refused["claims"], resource=sample.api)
    assert (await obo(assertion=new)).status_code == 200


async def test_a_sign_in_older_than_the_claims_want_is_refused(obo, clock):
    soon = claims_for(nbf={"essential": True, "value": str(int(clock.time()) + 5)})

    refused = (await obo(claims=soon)).json()

    assert refused["error_codes"] == [50173]
    assert json.loads(refused["claims"]) == json.loads(soon)
    clock.advance(5)
    assert (await obo(claims=soon)).status_code == 200


@pytest.mark.parametrize("value", ["soon", "-5", "9" * 400, "", None, []])
async def test_a_time_that_is_none_is_passed_over(obo, value):
    assert (await obo(claims=claims_for(nbf={"value": value}))).status_code == 200


async def test_claims_with_a_time_ask_for_a_new_sign_in(spa, clock):
    await spa.browser.press(await spa.begin(), "alice")
    clock.advance(10)

    page = await spa.begin(claims=claims_for(nbf={"value": str(int(clock.time()))}))
    assert page.title == "Pick an account"
    await spa.browser.press(page, "alice")

    assert "code" in spa.browser.answer


async def test_claims_with_a_time_to_come_are_refused_instead_of_asked_forever(spa, clock):
    later = claims_for(nbf={"value": str(int(clock.time()) + 999)})

    page = await spa.browser.press(await spa.begin(claims=later), "alice")

    assert "AADSTS50173" in page.response.text


@pytest.mark.parametrize("wanted", [None, '{"access_token":{"capolids":{"values":["x"]}}}'])
def test_whoever_steps_up_has_a_second_factor(entra, sample, wanted):
    claims = entra.recognize(entra.step_up(sample.alice, wanted, resource=sample.api))

    assert claims["amr"] == ["pwd", "mfa"]
    assert "acrs" not in claims


def test_whoever_steps_up_has_the_contexts_that_were_wanted(entra, sample):
    wanted = claims_for(acrs={"essential": True, "value": "c1"})

    token = entra.step_up(sample.alice, wanted, resource=sample.api, scopes=["x"])

    assert entra.recognize(token)["acrs"] == ["c1"]
    assert entra.recognize(token)["scp"] == "x"


def test_claims_that_are_no_json_are_the_tests_mistake(entra, sample):
    with pytest.raises(InvalidCallError, match="not JSON"):
        entra.step_up(sample.alice, "e30=", resource=sample.api)


def test_a_revoked_user_under_a_clock_that_stands_still_is_told(entra, sample, web):
    entra.revoke_sessions(sample.alice)
    fields = web.fields(redirect_uri=CALLBACK, code_challenge=challenge())

    with pytest.raises(InvalidCallError, match="AADSTS50173"):
        entra.sign_in(
            sample.alice, f"{entra.authority()}/oauth2/v2.0/authorize?{urlencode(fields)}"
        )


async def test_a_capable_clients_token_ends_with_the_session(call, partner, token, entra, sample):
    old = token()
    assert (await call(old, api=partner)).status_code == 200
    entra.revoke_sessions(sample.alice)
    refused = await call(old, api=partner)
    revoked_at = str(int(entra.clock.time()))
    entra.clock.advance(1)

    assert refused.status_code == 401
    assert wanted_by(refused)["nbf"] == {"essential": True, "value": revoked_at}
    assert (await call(token(), api=partner)).status_code == 200


async def test_any_other_token_lives_until_its_end(call, partner, token, entra, sample):
    old = token(capable=False)
    entra.revoke_sessions(sample.alice)

    assert (await call(old, api=partner)).status_code == 200
    assert (await call(token(capable=False, xms_cc="CP1"), api=partner)).status_code == 200


async def test_other_users_and_applications_are_let_in(call, partner, entra, sample):
    entra.revoke_sessions(sample.alice)
    bobs = entra.user_token(sample.bob, resource=sample.partner, claims={"xms_cc": ["CP1"]})
    app = entra.app_token(client=sample.api, resource=sample.partner, claims={"xms_cc": ["CP1"]})

    assert [(await call(one, api=partner)).status_code for one in (bobs, app)] == [200, 200]


async def test_a_guest_is_known_by_their_revocation_at_home(call, partner, entra, sample):
    fabrikam = entra.add_tenant("fabrikam")
    gail = entra.add_user("gail", tenant=fabrikam, guest_in=[entra.tenant])
    token = entra.user_token(
        gail, resource=sample.partner, tenant=entra.tenant, claims={"xms_cc": ["CP1"]}
    )
    entra.revoke_sessions(gail)

    assert (await call(token, api=partner)).status_code == 401


async def test_graph_says_why_in_its_own_words(call, token, entra, sample):
    old = token(entra.graph, scp="User.Read")
    assert (await call(old, "/v1.0/me")).status_code == 200
    entra.revoke_sessions(sample.alice)

    refused = await call(old, "/v1.0/me")

    assert refused.status_code == 401
    assert "TokenIssuedBeforeRevocationTimestamp" in refused.json()["error"]["message"]
    assert set(wanted_by(refused)) == {"nbf"}
    assert 'error="insufficient_claims"' in refused.headers["www-authenticate"]


async def test_an_api_wants_an_authentication_context(call, token, entra, sample):
    api = DownstreamEcho(entra, sample.partner, authentication_context="c1")
    app = entra.app_token(client=sample.api, resource=sample.partner)

    refused = await call(token(), api=api)

    assert refused.status_code == 401
    assert wanted_by(refused)["acrs"] == {"essential": True, "value": "c1"}
    assert (await call(token(acrs=["c1"]), api=api)).json()["acrs"] == ["c1"]
    assert (await call(token(acrs=["c2"]), api=api)).status_code == 401
    assert (await call(app, api=api)).status_code == 200


async def test_a_client_without_the_capability_is_not_challenged(call, token, entra, sample):
    api = DownstreamEcho(entra, sample.partner, authentication_context="c1")

    refused = await call(token(capable=False), api=api)

    assert refused.status_code == 403
    assert "claims" not in refused.headers["www-authenticate"]


async def test_a_stand_in_of_ones_own_asks_the_emulator(entra, sample, token):
    claims = entra.recognize(token())
    assert entra.access_challenge(claims) is None

    entra.revoke_sessions(sample.alice)

    assert "nbf" in json.loads(entra.access_challenge(claims))["access_token"]
    assert entra.access_challenge({**claims, "oid": "nobody"}) is None


async def test_the_challenge_is_base64(call, partner, token, entra, sample):
    old = token()
    entra.revoke_sessions(sample.alice)

    field = (await call(old, api=partner)).headers["www-authenticate"]

    encoded = field.rpartition('claims="')[2].rstrip('"')
    assert json.loads(base64.b64decode(encoded, validate=True))


async def test_a_refresh_token_is_refused_with_claims(spa, entra, sample, clock):
    await spa.browser.press(await spa.begin(), "alice")
    refresh_token = (await spa.redeem(spa.browser.answer["code"])).json()["refresh_token"]
    entra.revoke_sessions(sample.alice)
    clock.advance(1)

    refused = (await spa.refresh(refresh_token)).json()

    assert refused["error_codes"] == [50173]
    assert "nbf" in refused["claims"]


async def test_a_code_is_refused_under_a_policy_that_came_after_it(spa, entra, sample):
    await spa.browser.press(await spa.begin(), "alice")
    entra.require_mfa(sample.api)

    refused = (await spa.redeem(spa.browser.answer["code"])).json()

    assert (refused["error_codes"], "capolids" in refused["claims"]) == ([50076], True)


async def test_capabilities_of_the_request_are_in_the_token(obo, entra):
    assert entra.recognize((await obo(claims=CP1)).json()["access_token"])["xms_cc"] == ["CP1"]
