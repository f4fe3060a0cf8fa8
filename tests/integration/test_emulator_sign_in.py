"""Unmodified MSAL for Python and azure-identity sign users in at the emulator, over TLS."""

import asyncio
import ssl
import threading
import webbrowser

import httpx
import msal
import pytest
from tests.support.browser import Browser, Page
from tests.support.entra_server import Served, served_entra

# MSAL recommends form_post, which is tried as well.
pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended")


@pytest.fixture
def served(monkeypatch):
    with served_entra(monkeypatch) as served:
        yield served


def browse(served: Served):
    context = ssl.create_default_context(cafile=served.server.ca_file)
    return httpx.AsyncClient(verify=context, trust_env=False)


def confidential(served: Served, app, **arguments):
    return msal.ConfidentialClientApplication(
        app.client_id,
        client_credential=app.client_secret,
        authority=served.entra.authority(),
        instance_discovery=False,
        verify=served.server.ca_file,
        **arguments,
    )


def public(served: Served, *, tenant="organizations"):
    return msal.PublicClientApplication(
        served.entra.public_client.client_id,
        authority=served.entra.authority(tenant),
        instance_discovery=False,
        verify=served.server.ca_file,
    )


async def walk(browser: Browser, url: str, *buttons: str) -> Page:
    page = await browser.open(url)
    for button in buttons:
        page = await browser.press(page, button)
    return page


async def test_a_web_app_signs_a_user_in(served):
    app = confidential(served, served.sample.web)
    scopes = [served.sample.api.scope("access_as_user")]
    flow = app.initiate_auth_code_flow(scopes, redirect_uri="https://localhost:5001/signin-oidc")

    async with browse(served) as http:
        browser = Browser(http, served.entra.base_url)
        await walk(browser, flow["auth_uri"], "alice", "Accept")
    answer = app.acquire_token_by_auth_code_flow(flow, browser.answer)
    (account,) = app.get_accounts()
    renewed = app.acquire_token_silent(scopes, account, force_refresh=True)

    alice = served.sample.alice
    assert answer["id_token_claims"]["preferred_username"] == alice.upn
    assert account["home_account_id"] == f"{alice.oid}.{served.entra.tenant.id}"
    assert served.entra.recognize(renewed["access_token"])["oid"] == alice.oid


async def test_the_api_goes_on_on_behalf_of_who_consented(served):
    entra, sample = served.entra, served.sample
    api = entra.add_app(
        "calendar-api",
        scopes=["access"],
        known_clients=[sample.web],
        permissions={sample.partner: ["read"]},
    )
    app = confidential(served, sample.web)
    flow = app.initiate_auth_code_flow([api.scope("access")], redirect_uri="https://localhost/")

    async with browse(served) as http:
        browser = Browser(http, entra.base_url)
        await walk(browser, flow["auth_uri"], "bob", "Accept")
    token = app.acquire_token_by_auth_code_flow(flow, browser.answer)["access_token"]
    traded = confidential(served, api).acquire_token_on_behalf_of(
        token, [sample.partner.scope("read")]
    )

    assert entra.recognize(traded["access_token"])["oid"] == sample.bob.oid


async def test_a_decline_reaches_the_web_app(served):
    app = confidential(served, served.sample.web)
    flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri="https://localhost/")

    async with browse(served) as http:
        browser = Browser(http, served.entra.base_url)
        await walk(browser, flow["auth_uri"], "alice", "Cancel")
    answer = app.acquire_token_by_auth_code_flow(flow, browser.answer)

    assert answer["error"] == "access_denied"


async def test_a_posted_answer_is_taken(served):
    app = confidential(served, served.sample.web)
    flow = app.initiate_auth_code_flow(
        ["User.Read"], redirect_uri="https://localhost/", response_mode="form_post"
    )

    async with browse(served) as http:
        page = await walk(Browser(http, served.entra.base_url), flow["auth_uri"], "alice", "Accept")
    answer = app.acquire_token_by_auth_code_flow(flow, page.forms[0].fields)

    assert served.entra.recognize(answer["access_token"])["scp"] == "User.Read"


async def test_a_desktop_app_signs_a_user_in_at_home(served):
    app = public(served)
    flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri="http://localhost:4711")

    async with browse(served) as http:
        browser = Browser(http, served.entra.base_url)
        await walk(browser, flow["auth_uri"], "alice", "Accept")
    answer = app.acquire_token_by_auth_code_flow(flow, browser.answer)

    assert answer["id_token_claims"]["tid"] == served.entra.tenant.id


async def test_a_device_waits_for_its_user(served):
    app = public(served)
    flow = app.initiate_device_flow(["User.Read"])

    async with browse(served) as http:
        browser = Browser(http, served.entra.base_url)
        page = await walk(browser, flow["verification_uri"])
        page = await browser.press(page, "Next", user_code=flow["user_code"])
        for button in ("Continue", "alice", "Accept"):
            page = await browser.press(page, button)
    answer = app.acquire_token_by_device_flow(flow)

    assert served.entra.recognize(answer["access_token"])["oid"] == served.sample.alice.oid


def test_a_device_that_asks_too_early_is_told_to_go_on_asking(served):
    served.entra.lifetimes.device_interval = 1
    app = public(served)
    flow = app.initiate_device_flow(["User.Read"])

    pending = app.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True)
    served.entra.sign_in_device(served.sample.alice, flow["user_code"])
    answer = app.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True)

    assert pending["error"] == "authorization_pending"
    assert "access_token" in answer


class HeadlessBrowser(webbrowser.BaseBrowser):
    """The system's browser, for programs that open one: walks in a thread and loop of its own."""

    def __init__(self, served: Served) -> None:
        super().__init__()
        self.served = served

    def open(self, url, new=0, autoraise=True):  # noqa: FBT002 - the library's signature
        threading.Thread(target=lambda: asyncio.run(self.walk(url)), daemon=True).start()
        return True

    async def walk(self, url):
        async with browse(self.served) as http:
            browser = Browser(http, self.served.entra.base_url)
            page = await walk(browser, url, "alice", "Accept")
            if browser.landed is None:
                form = page.forms[0]
                await http.post(form.action, data=form.fields)
            else:
                await http.get(browser.landed)


@pytest.fixture
def _system_browser(served, monkeypatch):
    monkeypatch.setattr(webbrowser, "_browsers", {})
    monkeypatch.setattr(webbrowser, "_tryorder", [])
    webbrowser.register("headless", None, HeadlessBrowser(served))


@pytest.mark.usefixtures("_system_browser")
def test_msal_opens_a_browser(served):
    answer = public(served).acquire_token_interactive(["User.Read"], timeout=30)

    assert served.entra.recognize(answer["access_token"])["oid"] == served.sample.alice.oid


@pytest.mark.usefixtures("_system_browser")
def test_azure_identity_opens_a_browser(served):
    from azure.identity import InteractiveBrowserCredential

    credential = InteractiveBrowserCredential(
        authority=served.entra.base_url,
        tenant_id=served.entra.tenant.id,
        client_id=served.entra.public_client.client_id,
        disable_instance_discovery=True,
        connection_verify=served.server.ca_file,
        timeout=30,
    )

    token = credential.get_token("https://graph.microsoft.com/User.Read")

    assert served.entra.recognize(token.token)["oid"] == served.sample.alice.oid


def test_azure_identity_waits_for_a_device(served):
    from azure.identity import DeviceCodeCredential

    def prompt(_uri, user_code, _ends):
        served.entra.sign_in_device(served.sample.bob, user_code)

    credential = DeviceCodeCredential(
        authority=served.entra.base_url,
        tenant_id=served.entra.tenant.id,
        client_id=served.entra.public_client.client_id,
        disable_instance_discovery=True,
        connection_verify=served.server.ca_file,
        prompt_callback=prompt,
    )

    token = credential.get_token("https://graph.microsoft.com/User.Read")

    assert served.entra.recognize(token.token)["oid"] == served.sample.bob.oid


def test_azure_identity_redeems_a_code(served):
    from azure.identity import AuthorizationCodeCredential

    web, redirect_uri = served.sample.web, "https://localhost/signin-oidc"
    url = httpx.URL(
        f"{served.entra.authority()}/oauth2/v2.0/authorize",
        params={
            "client_id": web.client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": "openid offline_access User.Read",
        },
    )
    code = served.entra.sign_in(served.sample.alice, str(url))["code"]
    credential = AuthorizationCodeCredential(
        served.entra.tenant.id,
        web.client_id,
        code,
        redirect_uri,
        client_secret=web.client_secret,
        authority=served.entra.base_url,
        disable_instance_discovery=True,
        connection_verify=served.server.ca_file,
    )

    token = credential.get_token("https://graph.microsoft.com/User.Read")

    assert served.entra.recognize(token.token)["oid"] == served.sample.alice.oid
