"""The on-behalf-of grant: what it gives, and what is refused in which order."""

import json

import jwt
import pytest

from msidweb.testing import ManualClock


async def test_a_token_is_traded_for_one_of_the_downstream_api(obo, entra, sample):
    answer = (await obo()).json()

    claims = entra.recognize(answer["access_token"])
    assert claims is not None
    assert claims["aud"] == sample.partner.client_id
    assert claims["oid"] == sample.alice.oid
    assert claims["scp"] == "read"
    assert claims["azp"] == sample.api.client_id
    assert claims["azpacr"] == "1"
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == answer["ext_expires_in"] == 3599
    assert answer["scope"] == sample.partner.scope("read")


async def test_refresh_and_id_tokens_come_only_when_asked_for(obo, sample):
    plain = (await obo()).json()
    full = (await obo(scope=f"{sample.partner.scope('read')} openid offline_access")).json()

    assert not {"refresh_token", "id_token", "refresh_in"} & plain.keys()
    assert {"refresh_token", "id_token", "client_info"} <= full.keys()
    id_claims = jwt.decode(full["id_token"], options={"verify_signature": False})
    assert id_claims["aud"] == sample.api.client_id
    assert "scp" not in id_claims


@pytest.mark.parametrize(
    ("fields", "code", "error", "status"),
    [
        ({"requested_token_use": None}, 900144, "invalid_request", 400),
        ({"requested_token_use": "other"}, 9002313, "invalid_request", 400),
        ({"assertion": None}, 900144, "invalid_request", 400),
        ({"assertion": "a.b.c"}, 50013, "invalid_grant", 400),
        ({"scope": None}, 900144, "invalid_request", 400),
        ({"scope": "openid profile"}, 70011, "invalid_scope", 400),
        ({"scope": "api://other/read"}, 500011, "invalid_resource", 400),
        ({"client_id": None}, 900144, "invalid_request", 400),
        ({"client_id": "nobody"}, 700016, "unauthorized_client", 400),
        ({"client_secret": "wrong"}, 7000215, "invalid_client", 401),
        ({"client_secret": None}, 7000218, "invalid_client", 401),
        ({"grant_type": None}, 900144, "invalid_request", 400),
        ({"grant_type": "implicit"}, 70003, "unsupported_grant_type", 400),
        ({"claims": "{"}, 9002313, "invalid_request", 400),
        ({"tenant": "nowhere"}, 90002, "invalid_request", 400),
    ],
)
async def test_a_bad_request_is_refused_in_entras_words(obo, fields, code, error, status):
    response = await obo(**fields)

    body = response.json()
    assert response.status_code == status
    assert body["error"] == error
    assert body["error_codes"] == [code]
    assert "suberror" not in body
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert f"Correlation ID: {body['correlation_id']}" in body["error_description"]
    assert body["error_uri"] == f"https://login.microsoftonline.com/error?code={code}"
    assert response.headers["x-ms-clitelem"] == f"1,{code},0,,"


async def test_a_token_of_another_audience_is_no_assertion(obo, entra, sample):
    foreign = entra.user_token(sample.alice, resource=sample.partner)

    assert (await obo(assertion=foreign)).json()["error_codes"] == [50013]


async def test_a_v1_token_named_by_its_uri_is_an_assertion(obo, entra, sample):
    token = entra.user_token(sample.alice, resource=sample.api, version=1)

    assert (await obo(assertion=token)).status_code == 200


async def test_a_tampered_assertion_is_refused(obo, entra, sample):
    token = entra.user_token(sample.alice, resource=sample.api)
    head, payload, signature = token.split(".")
    forged = f"{head}.{payload}.{signature[:-4]}AAAA"

    assert (await obo(assertion=forged)).json()["error_codes"] == [50013]


async def test_an_expired_assertion_is_refused_by_the_clock(obo, entra, sample, clock: ManualClock):
    token = entra.user_token(sample.alice, resource=sample.api)
    clock.advance(3598)
    assert (await obo(assertion=token)).status_code == 200
    clock.advance(1)

    assert (await obo(assertion=token)).json()["error_codes"] == [500133]


async def test_the_signature_is_judged_before_the_time(obo, entra, sample, clock: ManualClock):
    token = entra.user_token(sample.alice, resource=sample.partner)
    clock.advance(10_000)

    assert (await obo(assertion=token)).json()["error_codes"] == [50013]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": None}, 500133),
        ({"exp": "soon"}, 500133),
        ({"tid": None}, 90072),
        ({"oid": "nobody"}, 90072),
        ({"scp": None}, 7000114),
        ({"aud": ["x"]}, 50013),
    ],
)
async def test_a_token_that_is_wrong_on_purpose_is_refused(obo, entra, sample, claims, code):
    token = entra.user_token(sample.alice, resource=sample.api, claims=claims)

    assert (await obo(assertion=token)).json()["error_codes"] == [code]


async def test_an_application_has_no_user_to_act_for(obo, entra, sample):
    token = entra.app_token(client=sample.daemon, resource=sample.api)

    body = (await obo(assertion=token)).json()

    assert body["error_codes"] == [7000114]
    assert body["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "scope", ["{p}/read {g}/User.Read", "{p}/.default {p}/read", "User.Read {p}/read"]
)
async def test_scopes_are_of_one_resource_and_default_stands_alone(obo, entra, sample, scope):
    mixed = scope.format(p=sample.partner.app_id_uri, g=entra.graph.app_id_uri)

    assert (await obo(scope=mixed)).json()["error_codes"] == [70011]


async def test_an_unknown_scope_of_a_known_resource_is_named(obo, sample):
    response = await obo(scope=sample.partner.scope("destroy"))

    assert response.status_code == 401
    assert response.json()["error_codes"] == [650053]


async def test_missing_consent_is_refused_until_it_is_given(obo, entra, sample):
    entra.revoke_consent(client=sample.api, resource=sample.partner)
    refused = (await obo()).json()
    entra.consent(client=sample.api, resource=sample.partner, scopes=["read"], user=sample.alice)

    assert refused["error"] == "invalid_grant"
    assert refused["suberror"] == "consent_required"
    assert refused["error_codes"] == [65001]
    assert (await obo()).status_code == 200


async def test_a_users_consent_is_theirs_alone(obo, entra, sample):
    entra.revoke_consent(client=sample.api, resource=sample.partner)
    entra.consent(client=sample.api, resource=sample.partner, user=sample.alice)
    bobs = entra.user_token(sample.bob, resource=sample.api)

    assert (await obo(assertion=bobs)).json()["error_codes"] == [65001]


async def test_one_missing_scope_of_two_refuses_both(obo, entra, sample):
    entra.revoke_consent(client=sample.api, resource=sample.partner, scopes=["write"])
    both = f"{sample.partner.scope('read')} {sample.partner.scope('write')}"

    assert (await obo(scope=both)).json()["error_codes"] == [65001]
    assert (await obo()).status_code == 200


async def test_default_means_everything_consented(obo, entra, sample):
    entra.revoke_consent(client=sample.api, resource=sample.partner, scopes=["write"])

    answer = (await obo(scope=sample.partner.default_scope)).json()

    assert entra.recognize(answer["access_token"])["scp"] == "read"
    assert answer["scope"] == f"{sample.partner.scope('read')} {sample.partner.default_scope}"


async def test_default_without_any_consent_is_refused(obo, entra, sample):
    entra.revoke_consent(client=sample.api, resource=sample.partner)

    assert (await obo(scope=sample.partner.default_scope)).json()["error_codes"] == [65001]


async def test_the_answer_may_repeat_the_openid_scopes(obo, entra, sample):
    entra.repeat_openid_scopes = True

    scope = (await obo()).json()["scope"]

    assert entra.repeat_openid_scopes
    assert scope == f"openid profile email {sample.partner.scope('read')}"


async def test_known_clients_consent_reaches_the_apis_own_permissions(obo, entra, sample):
    front = entra.add_app("front", public=True)
    api = entra.add_app(
        "known-api",
        scopes=["use"],
        known_clients=[front],
        permissions={sample.partner: ["read"]},
    )
    entra.consent(client=front, resource=api, user=sample.alice)
    token = entra.user_token(sample.alice, resource=api, client=front)

    response = await obo(assertion=token, client_id=api.client_id, client_secret=api.client_secret)

    assert response.status_code == 200


async def test_mfa_is_demanded_with_claims_and_satisfied_by_a_stronger_sign_in(obo, entra, sample):
    policy = entra.require_mfa(sample.partner)
    refused = (await obo()).json()
    strong = entra.user_token(sample.alice, resource=sample.api, mfa=True)

    assert refused["error"] == "interaction_required"
    assert refused["suberror"] == "basic_action"
    assert refused["error_codes"] == [50076]
    assert json.loads(refused["claims"]) == {
        "access_token": {"capolids": {"essential": True, "values": [policy.id]}}
    }
    assert (await obo(assertion=strong)).status_code == 200


async def test_a_policy_may_be_for_one_user_and_be_lifted(obo, entra, sample):
    policy = entra.require_mfa(sample.partner, user=sample.alice)
    bobs = entra.user_token(sample.bob, resource=sample.api)

    assert (await obo(assertion=bobs)).status_code == 200
    assert (await obo()).status_code == 400
    entra.lift_policy(policy)
    assert (await obo()).status_code == 200


async def test_an_authentication_context_is_demanded_back_until_the_user_has_it(obo, entra, sample):
    wanted = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
    refused = (await obo(claims=wanted)).json()
    stepped_up = entra.user_token(sample.alice, resource=sample.api, authentication_contexts=["c1"])
    answer = (await obo(claims=wanted, assertion=stepped_up)).json()

    assert json.loads(refused["claims"])["access_token"]["acrs"]["values"] == ["c1"]
    assert entra.recognize(answer["access_token"])["acrs"] == ["c1"]


@pytest.mark.parametrize("claims", ["[]", '{"access_token":[]}', '{"access_token":{"acrs":1}}'])
async def test_claims_without_a_known_wish_change_nothing(obo, claims):
    assert (await obo(claims=claims)).status_code == 200


async def test_capabilities_reach_the_token(obo, entra):
    answer = (await obo(claims='{"access_token":{"xms_cc":{"values":["cp1"]}}}')).json()

    assert entra.recognize(answer["access_token"])["xms_cc"] == ["CP1"]


async def test_a_revoked_session_refuses_older_assertions_alone(
    obo, entra, sample, clock: ManualClock
):
    old = entra.user_token(sample.alice, resource=sample.api)
    entra.revoke_sessions(sample.alice)
    clock.advance(1)

    assert (await obo(assertion=old)).json()["error_codes"] == [50173]
    assert (await obo()).status_code == 200


async def test_under_common_the_assertion_names_the_tenant(obo, entra, sample):
    response = await obo(tenant="common")

    assert entra.recognize(response.json()["access_token"])["tid"] == entra.tenant.id


async def test_a_guest_gets_a_token_of_the_tenant_that_was_asked(entra, ask):
    fabrikam = entra.add_tenant("fabrikam")
    api = entra.add_app("multi", scopes=["use"], multi_tenant=True)
    entra.consent(client=api, resource=entra.graph, scopes=["User.Read"])
    entra.consent(client=api, resource=entra.graph, scopes=["User.Read"], tenant=fabrikam)
    guest, stranger = entra.add_user("gail", guest_in=[fabrikam]), entra.add_user("sam")
    answers = [
        await ask(
            api,
            tenant=fabrikam.id,
            grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
            requested_token_use="on_behalf_of",
            assertion=entra.user_token(user, resource=api),
            scope="User.Read",
        )
        for user in (guest, stranger)
    ]

    claims = entra.recognize(answers[0].json()["access_token"])
    assert claims["tid"] == fabrikam.id
    assert claims["oid"] == guest.object_id(fabrikam.id) != guest.oid
    assert answers[1].json()["error_codes"] == [90072]


async def test_an_app_of_one_tenant_is_unknown_in_another(obo, entra):
    fabrikam = entra.add_tenant("fabrikam")

    assert (await obo(tenant=fabrikam.domain)).json()["error_codes"] == [700016]


async def test_the_callers_correlation_id_is_echoed(entra, client, sample):
    for sent in ({"headers": {"client-request-id": "abc"}}, {"data": {"client-request-id": "abc"}}):
        response = await client.post(entra.token_endpoint(), **sent)

        assert response.headers["client-request-id"] == "abc"
        assert response.json()["correlation_id"] == "abc"
        assert response.headers["cache-control"].startswith("no-store")
