"""The walk through the sign-in pages, and what a client gets for it."""

import json

import pytest


def claims_of(entra, body, token="access_token"):
    return entra.recognize(body[token])


async def accepted(client, account="alice", **changed):
    page = await client.browser.press(await client.begin(**changed), account)
    return await client.browser.press(page, "Accept")


async def test_a_user_picks_an_account_consents_and_the_client_gets_tokens(web, entra, sample):
    page = await web.begin()
    assert page.title == "Pick an account"

    page = await web.browser.press(page, "alice")
    assert page.title == "Permissions requested"
    assert "orders-api: access_as_user" in page.response.text

    await web.browser.press(page, "Accept")
    answer = web.browser.answer
    body = (await web.redeem(answer["code"])).json()

    assert web.browser.landed.copy_with(query=None) == web.redirect_uri
    assert answer["state"] == "a state"
    assert len(answer["session_state"]) == 36
    assert claims_of(entra, body)["oid"] == sample.alice.oid
    assert claims_of(entra, body)["scp"] == "access_as_user"
    assert claims_of(entra, body)["azp"] == web.app.client_id
    assert claims_of(entra, body, "id_token")["nonce"] == "a nonce"
    assert body["refresh_token"]


async def test_a_second_sign_in_is_silent(web):
    await accepted(web)

    await web.begin()

    assert "code" in web.browser.answer


async def test_client_info_comes_when_asked_for(spa, sample):
    await spa.browser.press(await spa.begin(client_info="1"), "alice")

    assert "client_info" in spa.browser.answer


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("query", "https://spa.contoso.example/?code="),
        ("fragment", "https://spa.contoso.example/#code="),
    ],
)
async def test_the_answer_comes_as_asked(spa, mode, expected):
    await spa.browser.press(await spa.begin(response_mode=mode), "alice")

    assert str(spa.browser.landed).startswith(expected)


async def test_the_answer_comes_as_a_form(spa):
    page = await spa.browser.press(await spa.begin(response_mode="form_post"), "alice")

    (form,) = page.forms
    assert (form.action, form.method) == (spa.redirect_uri, "post")
    assert form.fields["state"] == "a state"
    assert form.fields["code"]
    assert page.buttons == ["Continue"]


async def test_a_client_without_a_state_gets_none(spa):
    await spa.browser.press(await spa.begin(state=None), "alice")

    assert "state" not in spa.browser.answer


async def test_a_sign_in_may_lead_to_a_program_of_the_desktop(spa, entra):
    entra.add_redirect_uri(entra.public_client, "msal12345://auth", platform="public")
    fields = {"client_id": entra.public_client.client_id, "redirect_uri": "msal12345://auth"}

    page = await spa.begin(scope="openid", **fields)
    await spa.browser.press(page, "alice")

    assert "form-action 'self' msal12345:;" in page.response.headers["content-security-policy"]
    assert str(spa.browser.landed).startswith("msal12345://auth?code=")


async def test_authorize_takes_a_posted_request(spa, entra):
    response = await spa.browser.client.post(
        f"{entra.authority()}/oauth2/v2.0/authorize", data=spa.fields()
    )

    assert "Pick an account" in response.text


async def test_a_password_is_asked_for_where_one_was_given(spa, entra, sample):
    entra.add_user("carol", password="correct horse")
    entra.consent(client=sample.spa, resource=sample.api)

    page = await spa.browser.press(await spa.begin(), "carol")
    assert page.title == "Enter password"
    page = await spa.browser.press(page, "Sign in", password="wrong")
    assert "AADSTS50126" in page.response.text
    await spa.browser.press(page, "Sign in", password="correct horse")

    assert "code" in spa.browser.answer


async def test_a_user_goes_back_from_the_password(spa, entra):
    entra.add_user("carol", password="correct horse")
    page = await spa.browser.press(await spa.begin(), "carol")

    page = await spa.browser.press(page, "Back")

    assert page.title == "Pick an account"


async def test_an_unknown_account_is_told(spa):
    page = await spa.browser.press(await spa.begin(), "Next", account="nobody@contoso.com")

    assert page.title == "Pick an account"
    assert "AADSTS50034" in page.response.text
    (field,) = [e for e in page.all("input") if e.attributes.get("id") == "account"]
    assert field.attributes["aria-describedby"] == "problem"


async def test_a_typed_account_signs_in(spa, sample):
    await spa.browser.press(await spa.begin(), "Next", account=sample.bob.upn.upper())

    assert "code" in spa.browser.answer


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("login", "Pick an account"),
        ("select_account", "Pick an account"),
        ("consent", "Permissions requested"),
    ],
)
async def test_a_prompt_asks_again(spa, prompt, title):
    await spa.browser.press(await spa.begin(), "alice")

    page = await spa.begin(prompt=prompt)
    assert page.title == title
    await spa.browser.press(page, "Accept" if prompt == "consent" else "alice")

    assert "code" in spa.browser.answer


async def test_login_asks_for_the_password_of_one_who_is_signed_in(spa, entra):
    entra.add_user("carol", password="correct horse")
    page = await spa.browser.press(await spa.begin(), "carol")
    await spa.browser.press(page, "Sign in", password="correct horse")

    page = await spa.browser.press(await spa.begin(prompt="login"), "carol")

    assert page.title == "Enter password"


async def test_prompt_none_is_silent_for_one_account(spa):
    await spa.browser.press(await spa.begin(), "alice")

    await spa.begin(prompt="none")

    assert "code" in spa.browser.answer


async def test_prompt_none_without_a_sign_in_says_so(spa):
    await spa.begin(prompt="none")

    answer = spa.browser.answer
    assert answer["error"] == "login_required"
    assert answer["error_description"].startswith("AADSTS50058:")
    assert answer["state"] == "a state"


async def test_prompt_none_with_two_accounts_needs_a_hint(spa, sample, entra):
    await spa.browser.press(await spa.begin(), "alice")
    await spa.browser.press(await spa.begin(prompt="select_account"), "bob")

    await spa.begin(prompt="none")
    assert spa.browser.answer["error"] == "interaction_required"
    assert "AADSTS16000" in spa.browser.answer["error_description"]

    await spa.begin(prompt="none", login_hint=sample.bob.upn)
    body = (await spa.redeem(spa.browser.answer["code"])).json()
    assert claims_of(entra, body)["oid"] == sample.bob.oid


async def test_prompt_none_without_consent_says_so(web, spa):
    await spa.browser.press(await spa.begin(), "alice")

    await web.begin(prompt="none")

    assert web.browser.answer["error"] == "consent_required"
    assert "AADSTS65001" in web.browser.answer["error_description"]


async def test_prompt_none_under_a_policy_says_so(spa, entra, sample):
    await spa.browser.press(await spa.begin(), "alice")
    policy = entra.require_mfa(sample.api)

    await spa.begin(prompt="none")

    assert spa.browser.answer["error"] == "interaction_required"
    assert policy.id in spa.browser.answer["claims"]


async def test_a_hint_fills_the_account_in(spa, sample):
    page = await spa.begin(login_hint=sample.bob.upn)

    await spa.browser.press(page, "Next")

    assert "code" in spa.browser.answer


async def test_a_domain_hint_narrows_the_accounts(spa, entra):
    fabrikam = entra.add_tenant("fabrikam")
    entra.add_user("gail", tenant=fabrikam, guest_in=[entra.tenant])

    page = await spa.begin(domain_hint=fabrikam.domain)

    assert [label for label in page.buttons if "@" in label] == [f"gail gail@{fabrikam.domain}"]


async def test_a_policy_asks_for_approval_and_the_token_says_so(spa, entra, sample):
    entra.require_mfa(sample.api)

    page = await spa.browser.press(await spa.begin(), "alice")
    assert page.title == "Approve sign-in request"
    page = await spa.browser.press(page, "Deny")
    assert "AADSTS500121" in page.response.text
    await spa.browser.press(page, "Approve")
    body = (await spa.redeem(spa.browser.answer["code"])).json()

    assert claims_of(entra, body)["amr"] == ["pwd", "mfa"]


async def test_a_claims_challenge_of_a_downstream_api_is_met_by_signing_in_again(
    spa, entra, sample, obo
):
    entra.require_mfa(sample.partner)
    await spa.browser.press(await spa.begin(), "alice")
    weak = (await spa.redeem(spa.browser.answer["code"])).json()["access_token"]
    refused = (await obo(assertion=weak)).json()

    page = await spa.begin(claims=refused["claims"])
    await spa.browser.press(page, "Approve")
    strong = (await spa.redeem(spa.browser.answer["code"])).json()["access_token"]

    assert (await obo(assertion=strong)).status_code == 200


@pytest.mark.parametrize("token", ["access_token", "id_token"])
async def test_a_step_up_brings_the_authentication_context(spa, entra, token):
    claims = json.dumps({token: {"acrs": {"essential": True, "value": "c1"}}})

    page = await spa.browser.press(await spa.begin(claims=claims), "alice")
    await spa.browser.press(page, "Approve")
    body = (await spa.redeem(spa.browser.answer["code"])).json()

    assert claims_of(entra, body, token)["acrs"] == ["c1"]


async def test_the_consent_lets_the_api_go_on_on_behalf_of_the_user(entra, web, sample, ask):
    api = entra.add_app(
        "mail-api",
        scopes=["access"],
        known_clients=[web.app],
        permissions={sample.partner: ["read"]},
    )
    web.scope = api.scope("access")

    page = await web.browser.press(await web.begin(), "alice")
    assert "partner-api: read (through mail-api)" in page.response.text
    await web.browser.press(page, "Accept")
    token = (await web.redeem(web.browser.answer["code"])).json()["access_token"]
    traded = await ask(
        api,
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
        requested_token_use="on_behalf_of",
        assertion=token,
        scope=sample.partner.scope("read"),
    )

    assert traded.status_code == 200


async def test_a_user_declines(web):
    page = await web.browser.press(await web.begin(), "alice")

    await web.browser.press(page, "Cancel")

    assert web.browser.answer["error"] == "access_denied"
    assert web.browser.answer["error_description"].startswith("AADSTS65004:")
    assert "code" not in web.browser.answer


async def test_a_user_cancels_the_sign_in(web):
    await web.browser.press(await web.begin(), "Cancel")

    assert web.browser.answer["error"] == "access_denied"
    assert web.browser.answer["error_subcode"] == "cancel"


async def test_only_an_administrator_consents_to_an_admin_scope(web, entra):
    entra.add_user("ada", admin=True)
    web.scope = entra.graph.scope("User.Read.All")

    page = await web.browser.press(await web.begin(), "alice")
    assert page.title == "Need admin approval"
    page = await web.browser.press(page, "Sign in with another account")
    page = await web.browser.press(page, "ada")
    await web.browser.press(page, "Accept", organization="1")
    assert "code" in web.browser.answer

    await web.browser.press(await web.begin(prompt="select_account"), "alice")
    assert "code" in web.browser.answer


async def test_a_user_returns_without_the_administrators_approval(web, entra):
    web.scope = entra.graph.scope("User.Read.All")
    page = await web.browser.press(await web.begin(), "alice")

    await web.browser.press(page, "Return")

    assert web.browser.answer["error_description"].startswith("AADSTS90094:")


async def test_a_user_cannot_consent_for_everybody(web):
    page = await web.browser.press(await web.begin(), "alice")
    await web.browser.press(page, "Accept", organization="1")

    page = await web.browser.press(await web.begin(prompt="select_account"), "bob")

    assert page.title == "Permissions requested"


async def test_default_asks_for_what_the_client_declares(web, entra, sample):
    app = entra.add_app(
        "declared",
        redirect_uris={"web": [web.redirect_uri]},
        permissions={sample.partner: ["read"]},
    )
    web.app, web.scope = app, sample.partner.default_scope

    page = await web.browser.press(await web.begin(), "alice")
    await web.browser.press(page, "Accept")
    body = (await web.redeem(web.browser.answer["code"])).json()

    assert claims_of(entra, body)["scp"] == "read"


async def test_several_resources_are_consented_to_at_once(web, entra, sample):
    both = f"{sample.api.scope('access_as_user')} {sample.partner.scope('read')}"

    await accepted(web, scope=both)
    code = web.browser.answer["code"]
    body = (await web.redeem(code, scope=None)).json()

    assert claims_of(entra, body)["aud"] == sample.api.client_id
    await web.begin(scope=sample.partner.scope("read"))
    assert "code" in web.browser.answer


async def test_openid_alone_gives_an_id_token_and_userinfo(spa, entra, http):
    await spa.browser.press(await spa.begin(scope="openid profile"), "alice")
    body = (await spa.redeem(spa.browser.answer["code"], scope="openid profile")).json()

    answer = await http.get(
        f"{entra.base_url}/oidc/userinfo",
        headers={"Authorization": f"Bearer {body['access_token']}"},
    )

    assert claims_of(entra, body, "id_token")["name"] == "alice"
    assert answer.json()["name"] == "alice"


async def test_a_session_ends(spa, clock):
    await spa.browser.press(await spa.begin(), "alice")
    clock.advance(86_400)

    page = await spa.begin()

    assert page.title == "Pick an account"


async def test_revoked_sessions_sign_in_again(spa, entra, sample, clock):
    await spa.browser.press(await spa.begin(), "alice")
    entra.revoke_sessions(sample.alice)
    clock.advance(1)

    page = await spa.begin()
    assert page.title == "Pick an account"
    await spa.browser.press(page, "alice")

    assert (await spa.redeem(spa.browser.answer["code"])).status_code == 200


async def test_signing_out_ends_the_session_and_goes_back(spa, entra):
    await spa.browser.press(await spa.begin(), "alice")

    await spa.browser.open(
        f"{entra.authority()}/oauth2/v2.0/logout",
        post_logout_redirect_uri=spa.redirect_uri,
        state="bye",
    )

    assert str(spa.browser.landed) == f"{spa.redirect_uri}?state=bye"
    assert (await spa.begin()).title == "Pick an account"


async def test_signing_out_with_a_hint_leaves_the_others(spa, entra, sample):
    await spa.browser.press(await spa.begin(), "alice")
    await spa.browser.press(await spa.begin(prompt="select_account"), "bob")

    await spa.browser.open(f"{entra.authority()}/oauth2/v2.0/logout", logout_hint=sample.alice.upn)
    await spa.begin(prompt="none")

    body = (await spa.redeem(spa.browser.answer["code"])).json()
    assert claims_of(entra, body)["oid"] == sample.bob.oid


async def test_signing_out_never_goes_to_a_stranger(spa, entra):
    page = await spa.browser.open(
        f"{entra.authority()}/oauth2/v2.0/logout",
        post_logout_redirect_uri="https://evil.example/",
    )

    assert spa.browser.landed is None
    assert page.title == "You signed out of your account"


async def test_signing_out_goes_back_to_the_app_of_the_id_token_only(spa, web, entra, sample):
    hint = entra.id_token(sample.alice, client=web.app)

    await spa.browser.open(
        f"{entra.authority()}/oauth2/v2.0/logout",
        post_logout_redirect_uri=spa.redirect_uri,
        id_token_hint=hint,
    )

    assert spa.browser.landed is None
