"""The emulator's pages in a real browser: anybody can use them, on a phone, by keyboard alone."""

import ssl
from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import pytest
from tests.browser.cast import Town
from tests.browser.chromium import Tab
from tests.support.sign_in import challenge

pytestmark = pytest.mark.browser

PHONE, DESK = (360, 740), (1280, 800)
PASSWORD = "correct horse"
Look = Callable[[Tab, str], None]


@pytest.fixture(scope="session")
def look(driver) -> Look:
    """Judges the page of a tab, at two widths, and keeps a picture of each."""
    axe = (driver / "node_modules/axe-core/axe.min.js").read_text()

    def looked(tab: Tab, step: str) -> None:
        assert str(tab.evaluate("document.title")).endswith(" - Entra ID emulator")
        assert tab.evaluate("document.documentElement.lang") == "en"
        for width, height in (DESK, PHONE):
            tab.resize(width, height)
            tab.picture(f"{step} {width}")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            # Playwright evaluates from outside: the page's policy needs no hole for it.
            tab.evaluate(axe)
            assert tab.evaluate(VIOLATIONS) == []

    return looked


VIOLATIONS = """axe.run().then(({ violations }) => violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html)}`))"""


def authorize_url(town: Town, **changed: str) -> str:
    fields = {
        "client_id": town.spa.client_id,
        "redirect_uri": f"{town.page}/",
        "response_type": "code",
        "response_mode": "fragment",
        "scope": f"openid {town.api.scope('access_as_user')}",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return f"{town.entra.authority()}/oauth2/v2.0/authorize?{urlencode(fields | changed)}"


def answer_account(tab: Tab, upn: str) -> None:
    tab.see("Pick an account")
    tab.fill("Another account", upn)
    tab.press("Next")


def test_the_pages_of_a_sign_in(tab, town, look):
    user = town.add_user(password=PASSWORD, admin=True)
    town.entra.require_mfa(town.api, user=user)
    tab.open(authorize_url(town))
    look(tab, "account")

    answer_account(tab, "nobody@contoso.onmicrosoft.com")
    look(tab, "unknown account")
    answer_account(tab, user.upn)
    tab.see("Enter password")
    look(tab, "password")
    tab.fill("Password", "wrong")
    tab.press("Sign in")
    look(tab, "wrong password")
    tab.fill("Password", PASSWORD)
    tab.press("Sign in")
    tab.see("Approve sign-in request")
    look(tab, "second factor")
    tab.press("Deny")
    look(tab, "second factor denied")
    tab.press("Approve")
    tab.see("Permissions requested")
    look(tab, "consent of an administrator")
    tab.press("Accept")

    tab.see("Orders")
    assert tab.log == []


def test_the_page_of_who_needs_an_administrator(tab, town, look):
    payroll = town.entra.add_app("Payroll", scopes=["read"], admin_scopes=["read"])
    tab.open(authorize_url(town, scope=payroll.scope("read")))

    answer_account(tab, town.add_user().upn)

    tab.see("Need admin approval")
    look(tab, "admin needed")


def test_the_pages_of_a_device(tab, town, look):
    device = device_flow(town)
    tab.open(device["verification_uri"])
    look(tab, "code")

    tab.fill("Code", "WRONG")
    tab.press("Next")
    look(tab, "wrong code")
    tab.fill("Code", device["user_code"])
    tab.press("Next")
    tab.see("Are you trying to sign in?")
    look(tab, "confirm")
    tab.press("Continue")
    answer_account(tab, town.add_user().upn)
    tab.press("Accept")
    tab.see("You have signed in")
    look(tab, "done")


def device_flow(town: Town) -> dict[str, str]:
    trust = ssl.create_default_context(cafile=town.ca_file)
    form = {
        "client_id": town.entra.public_client.client_id,
        "scope": town.api.scope("access_as_user"),
    }
    url = f"{town.entra.authority()}/oauth2/v2.0/devicecode"
    return httpx.post(url, data=form, verify=trust, trust_env=False).json()


def test_the_page_of_a_refusal(tab, town, look):
    tab.open(authorize_url(town, redirect_uri="https://elsewhere.example/"))

    tab.see("Sorry, but we're having trouble signing you in")
    look(tab, "refused")


def test_the_page_after_a_sign_out(tab, town, look):
    tab.open(f"{town.entra.authority()}/oauth2/v2.0/logout")

    tab.see("You signed out")
    look(tab, "signed out")


def test_a_sign_in_works_without_script(chromium, pictures, town):
    web = town.entra.add_app("web", redirect_uris={"web": ["https://localhost/signin-oidc"]})
    fields = {"client_id": web.client_id, "redirect_uri": f"{town.page}/signin-oidc"}
    with chromium.tab(pictures, javaScriptEnabled=False) as tab:
        tab.open(authorize_url(town, response_mode="form_post", **fields))

        answer_account(tab, town.add_user().upn)
        tab.press("Accept")

        tab.see("Signed in")
        tab.picture("form post")


def test_a_sign_in_needs_no_mouse(tab, town):
    user = town.add_user(password=PASSWORD)
    town.entra.require_mfa(town.api, user=user)
    tab.open(f"{town.page}/")
    tab.walk(("locator", "body[data-ready]"), ("waitFor",))

    tab.tab_to("Sign in")
    tab.key("Enter")
    tab.see("Pick an account")
    tab.tab_to("Another account")
    assert tab.evaluate(OUTLINE) == "solid"
    tab.type(user.upn)
    tab.key("Enter")
    tab.see("Enter password")
    tab.type(PASSWORD)
    tab.key("Enter")
    tab.see("Approve sign-in request")
    tab.key("Enter")
    tab.see("Permissions requested")
    tab.tab_to("Accept")
    assert tab.evaluate(OUTLINE) == "solid"
    tab.key("Enter")

    tab.see("Orders")
    assert user.oid in tab.text("#result")


OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"


def test_an_account_is_picked_by_keyboard(tab, town):
    user = town.add_user()
    tab.open(authorize_url(town))

    tab.tab_to(user.upn)
    tab.key("Enter")

    tab.see("Permissions requested")
