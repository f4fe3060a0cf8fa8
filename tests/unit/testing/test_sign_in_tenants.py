"""Signing in beyond one tenant: guests, /common and /organizations, personal accounts."""

import pytest
from tests.support.sign_in import Client

CALLBACK = "https://everywhere.contoso.example/cb"


@pytest.fixture
def fabrikam(entra):
    return entra.add_tenant("fabrikam")


@pytest.fixture
def everywhere(entra, http, browser):
    app = entra.add_app("everywhere", multi_tenant=True, redirect_uris={"web": [CALLBACK]})
    return Client(entra, app, http, browser, "openid User.Read", redirect_uri=CALLBACK)


async def tokens(client, account, *, tenant):
    page = await client.browser.press(await client.begin(tenant=tenant), "Next", account=account)
    await client.browser.press(page, "Accept")
    body = (await client.redeem(client.browser.answer["code"], tenant=tenant)).json()
    entra = client.entra
    return entra.recognize(body["access_token"]), entra.recognize(body["id_token"])


async def test_a_guest_is_another_object_in_the_tenant_of_the_resource(everywhere, entra, fabrikam):
    gail = entra.add_user("gail", tenant=fabrikam, guest_in=[entra.tenant])

    for claims in await tokens(everywhere, gail.upn, tenant=entra.tenant.id):
        assert claims["oid"] == gail.object_id(entra.tenant.id) != gail.oid
        assert claims["tid"] == entra.tenant.id
        assert claims["idp"] == f"https://sts.windows.net/{fabrikam.id}/"


@pytest.mark.parametrize("segment", ["common", "organizations"])
async def test_a_shared_address_leads_to_the_home_tenant(everywhere, entra, fabrikam, segment):
    gail = entra.add_user("gail", tenant=fabrikam, guest_in=[entra.tenant])

    for claims in await tokens(everywhere, gail.upn, tenant=segment):
        assert (claims["oid"], claims["tid"]) == (gail.oid, fabrikam.id)
        assert "idp" not in claims


async def test_the_same_user_has_one_session_and_two_objects(everywhere, entra, fabrikam):
    gail = entra.add_user("gail", tenant=fabrikam, guest_in=[entra.tenant])
    at_home, _ = await tokens(everywhere, gail.upn, tenant=fabrikam.id)

    page = await everywhere.begin()
    assert page.title == "Permissions requested"
    await everywhere.browser.press(page, "Accept")
    body = (await everywhere.redeem(everywhere.browser.answer["code"])).json()

    assert entra.recognize(body["access_token"])["oid"] != at_home["oid"]


async def test_a_stranger_is_told_that_he_is_not_in_the_tenant(everywhere, entra, fabrikam):
    entra.add_user("hugo", tenant=fabrikam)

    page = await everywhere.browser.press(
        await everywhere.begin(), "Next", account=f"hugo@{fabrikam.domain}"
    )

    assert everywhere.browser.landed is None
    assert page.response.status_code == 400
    assert "AADSTS50020" in page.response.text


@pytest.mark.parametrize("segment", ["common", "organizations", None])
async def test_personal_accounts_are_refused(everywhere, entra, segment):
    entra.add_user("pat", tenant=entra.consumers)

    page = await everywhere.begin(tenant=segment)
    assert not [label for label in page.buttons if "pat@" in label]
    page = await everywhere.browser.press(page, "Next", account="pat@live.com")

    assert "AADSTS50020" in page.response.text


async def test_a_personal_account_may_be_a_guest(everywhere, entra):
    pat = entra.add_user("pat", tenant=entra.consumers, guest_in=[entra.tenant])

    claims, _ = await tokens(everywhere, pat.upn, tenant=entra.tenant.id)

    assert claims["tid"] == entra.tenant.id


async def test_prompt_none_does_not_see_accounts_that_are_strangers_there(
    everywhere, entra, fabrikam
):
    entra.add_user("hugo", tenant=fabrikam)
    page = await everywhere.begin(tenant="common")
    await everywhere.browser.press(page, "Next", account=f"hugo@{fabrikam.domain}")

    await everywhere.begin(prompt="none")

    assert everywhere.browser.answer["error"] == "login_required"


async def test_an_administrator_of_another_tenant_is_none_here(everywhere, entra, fabrikam):
    entra.add_user("ada", tenant=fabrikam, guest_in=[entra.tenant], admin=True)

    page = await everywhere.begin(scope="User.Read.All")
    page = await everywhere.browser.press(page, "ada")

    assert page.title == "Need admin approval"
