"""Attacks on the emulator's pages: forged forms, scripts in parameters, frames, stolen sessions."""

import base64
import hashlib
import re

import httpx
import pytest
from tests.support.browser import Browser, Page
from tests.support.sign_in import CALLBACK, Client

from msidweb.testing import EntraEmulator, ManualClock, sample_tenant

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{ctx}"


@pytest.fixture
def entra():
    return EntraEmulator(clock=ManualClock(1_800_000_000))


@pytest.fixture
async def web(entra):
    sample = sample_tenant(entra)
    app = entra.add_app("shop", redirect_uris={"web": [CALLBACK]})
    async with httpx.AsyncClient(transport=entra.transport()) as http:
        scope = sample.api.scope("access_as_user")
        yield Client(entra, app, http, Browser(http, entra.base_url), scope, resource=sample.api)


@pytest.fixture
async def other(entra):
    """The browser of somebody else."""
    async with httpx.AsyncClient(transport=entra.transport()) as http:
        yield Browser(http, entra.base_url)


PARAMETERS = (
    *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "prompt"),
    *("response_mode", "code_challenge", "code_challenge_method", "login_hint"),
    *("domain_hint", "claims", "client_info", "unheard_of"),
)


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_no_parameter_becomes_markup(web, parameter, mode):
    page = await web.begin(**{"response_mode": mode, parameter: SCRIPT})

    assert "<script>alert" not in page.response.text
    assert "<img" not in page.response.text
    assert all("alert" not in name for element in page.elements for name in element.attributes)


@pytest.mark.parametrize("mode", ["query", "fragment"])
async def test_no_parameter_becomes_a_header(web, mode):
    page = await web.begin(state="x\r\nX-Injected: 1", prompt="none", response_mode=mode)

    assert "x-injected" not in page.response.headers
    assert "%0D%0A" in page.response.headers["location"]


async def test_the_state_of_a_posted_answer_is_escaped(web):
    await web.begin()
    page = await web.begin(state=SCRIPT, prompt="none", response_mode="form_post")

    assert page.forms[0].fields["state"] == SCRIPT
    assert "<script>alert" not in page.response.text


@pytest.mark.parametrize("place", ["tenant", "account", "user_code", "post_logout_redirect_uri"])
async def test_nothing_typed_becomes_markup(web, entra, place):
    if place == "tenant":
        page = await web.begin(tenant="<script>alert(1)<%2Fscript>")
    elif place == "account":
        page = await web.browser.press(await web.begin(), "Next", account=SCRIPT)
    elif place == "user_code":
        page = await web.browser.open(f"{entra.base_url}/devicelogin")
        page = await web.browser.press(page, "Next", user_code=SCRIPT)
    else:
        url = f"{entra.authority()}/oauth2/v2.0/logout"
        page = await web.browser.open(url, post_logout_redirect_uri=SCRIPT, state=SCRIPT)

    assert "<script>alert" not in page.response.text
    assert "<img" not in page.response.text


async def test_names_of_apps_and_users_become_no_markup(web, entra):
    web.app = entra.add_app("<b>bold</b>", redirect_uris={"web": [CALLBACK]})
    entra.add_user("<i>iris</i>")

    page = await web.begin()
    shown = page.response.text
    page = await web.browser.press(page, "<i>iris")

    assert "<b>" not in shown + page.response.text
    assert "<i>" not in shown + page.response.text


async def test_a_form_of_another_browser_is_refused(web, other):
    page = await web.begin()

    forged = await other.press(page, "alice")

    assert other.landed is None
    assert forged.response.status_code == 400
    assert "AADSTS90014" in forged.response.text


@pytest.mark.parametrize("ctx", ["", "guessed"])
async def test_a_form_without_its_token_is_refused(web, entra, ctx):
    await web.begin()

    response = await web.http.post(
        f"{entra.base_url}/login", data={"ctx": ctx, "step": "account", "account": "alice"}
    )

    assert response.status_code == 400


async def test_a_device_form_without_its_token_is_refused(web, entra):
    await web.browser.open(f"{entra.base_url}/devicelogin")

    response = await web.http.post(
        f"{entra.base_url}/devicelogin", data={"ctx": "guessed", "user_code": "AAAAAAAAA"}
    )

    assert response.status_code == 400


async def test_a_form_is_answered_once(web):
    page = await web.browser.press(await web.begin(), "alice")
    await web.browser.press(page, "Accept")

    again = await web.browser.press(page, "Accept")

    assert web.browser.landed is None
    assert again.response.status_code == 400


async def test_no_step_can_be_skipped(web, entra):
    """A forged step neither spares the password nor the second factor nor the consent."""
    entra.add_user("carol", password="correct horse")
    entra.require_mfa(
        next(app for app in entra._directory.apps.values() if app.name == "orders-api")
    )
    page = await web.browser.press(await web.begin(), "carol")
    token = page.forms[0].fields["ctx"]

    for step in ("approve", "consent", "account", "confirm", "admin", "start"):
        response = await web.http.post(
            f"{entra.base_url}/login",
            data={"ctx": token, "step": step, "approve": "1", "accept": "1", "continue": "1"},
        )
        assert "location" not in response.headers
        assert Page(response).title == "Pick an account"


async def test_the_cookie_changes_when_somebody_signs_in(web, entra):
    await web.begin()
    planted = dict(web.http.cookies)

    await web.browser.press(await web.begin(), "alice")
    async with httpx.AsyncClient(transport=entra.transport(), cookies=planted) as thief:
        page = await Browser(thief, entra.base_url).open(
            f"{entra.authority()}/oauth2/v2.0/authorize", **web.fields()
        )

    assert page.title == "Pick an account"


async def test_the_cookie_is_for_the_server_alone(web):
    page = await web.begin()

    cookie = page.response.headers["set-cookie"]
    assert re.fullmatch(
        r"ESTSAUTH-\w{8}=[\w-]{43}; Path=/; HttpOnly; SameSite=None; Secure", cookie
    )


async def test_without_tls_the_cookie_stays_on_its_site():
    entra = EntraEmulator(base_url="http://localhost:1")
    sample = sample_tenant(entra)
    async with httpx.AsyncClient(transport=entra.transport()) as http:
        web = Client(entra, sample.spa, http, Browser(http, entra.base_url), "User.Read")
        entra.add_redirect_uri(sample.spa, CALLBACK, platform="spa")
        page = await web.begin()

    assert page.response.headers["set-cookie"].endswith("; HttpOnly; SameSite=Lax")


async def test_emulators_side_by_side_do_not_share_cookies(web):
    page = await web.begin()
    names = {page.response.headers["set-cookie"].partition("=")[0]}
    second = EntraEmulator()
    async with httpx.AsyncClient(transport=second.transport()) as http:
        answer = await http.get(f"{second.base_url}/devicelogin")
        names.add(answer.headers["set-cookie"].partition("=")[0])

    assert len(names) == 2


async def every_page(web, entra):
    """One page of each kind."""
    entra.add_user("carol", password="correct horse")
    yield await web.begin()
    yield await web.browser.press(await web.begin(), "carol")
    page = await web.browser.press(await web.begin(), "alice")
    yield page
    yield await web.begin(scope="User.Read.All")
    yield await web.begin(client_id="nobody")
    yield await web.begin(claims='{"access_token":{"acrs":{"value":"c1"}}}')
    yield await web.begin(prompt="none", response_mode="form_post")
    yield await web.browser.open(f"{entra.authority()}/oauth2/v2.0/logout")
    yield await web.browser.open(f"{entra.base_url}/devicelogin")


async def test_every_page_keeps_to_itself(web, entra):
    titles = set()
    async for page in every_page(web, entra):
        titles.add(page.title)
        headers = page.response.headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "no-store" in headers["cache-control"]
        assert not re.search(r'(?:src|href)="', page.response.text)

    assert len(titles) == 9


async def test_every_page_can_be_used_by_everybody(web, entra):
    async for page in every_page(web, entra):
        text = page.response.text
        (html,) = page.all("html")
        assert html.attributes["lang"] == "en"
        assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
        assert 'name="viewport" content="width=device-width, initial-scale=1"' in text
        labels = {label.attributes.get("for") for label in page.all("label")}
        for field in page.all("input"):
            shown = "hidden" not in field.attributes
            if shown and field.attributes["type"] in {"text", "password"}:
                assert field.attributes["id"] in labels
        assert all(form.method == "post" for form in page.forms)
        assert all(label for form in page.forms for label in form.buttons)
        ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
        assert len(ids) == len(set(ids))


async def test_a_form_may_lead_to_the_client_and_nowhere_else(web):
    page = await web.begin()

    policy = page.response.headers["content-security-policy"]
    assert "form-action 'self' https://app.contoso.example;" in policy


async def test_only_the_script_of_a_posted_answer_may_run(web, entra):
    page = await web.begin(prompt="none", response_mode="form_post")

    policy = page.response.headers["content-security-policy"]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page.response.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
