"""Microsoft's client for pages, unmodified, in a real browser: it signs in and calls our API."""

import contextlib
import json
from collections.abc import Iterator

import pytest
from tests.browser.cast import Town
from tests.browser.chromium import Tab

from msidweb.testing import User

pytestmark = pytest.mark.browser


class Page:
    """The page in a tab, and what its user does."""

    def __init__(self, tab: Tab, town: Town, way: str) -> None:
        self.tab = tab
        self._way = way
        tab.open(f"{town.page}/?{way}")
        tab.walk(("locator", "body[data-ready]"), ("waitFor",))

    def result(self) -> dict[str, object]:
        return json.loads(self.tab.text("#result"))

    def press(self, button: str) -> dict[str, object]:
        self.tab.press(button)
        return self.result()

    @contextlib.contextmanager
    def away(self, button: str) -> Iterator[Tab]:
        """At the emulator, from a press of a button to the page's next life."""
        self.tab.press(button)
        if self._way == "popup":
            self.tab.pages(2)
        yield self.tab
        self.tab.pages(1)
        self.tab.see("Orders")

    def challenged(self, button: str) -> contextlib.AbstractContextManager[Tab]:
        """The same after a challenge; before a redirect the user is told."""
        if self._way == "redirect":
            assert self.press(button)["status"] == 401
            self.tab.picture("challenged")
            return self.away("Continue")
        return self.away(button)

    def sign_in(self, user: User) -> dict[str, object]:
        with self.away("Sign in") as tab:
            tab.see("Pick an account")
            tab.picture("account")
            tab.fill("Another account", user.upn)
            tab.press("Next")
        return self.result()


@pytest.fixture(params=["redirect", "popup"])
def page(request, tab, town) -> Page:
    """The page, which signs in by either way."""
    return Page(tab, town, request.param)


@pytest.fixture
def user(town) -> User:
    """Somebody who consented to everything."""
    user = town.add_user()
    town.grant(user)
    return user


def test_a_page_signs_in_and_calls_the_api(page, user):
    assert page.sign_in(user) == {
        "status": 200,
        "body": {"oid": user.oid, "scopes": ["access_as_user"]},
    }
    page.tab.picture("signed in")
    assert page.tab.text("#user") == user.upn


@pytest.fixture
def newcomer(town) -> User:
    """Somebody who consented when our API needed no other."""
    user = town.add_user()
    town.grant(user, onward=False)
    return user


def test_consent_that_a_downstream_api_lacks_is_asked_for_and_given(page, town, newcomer):
    page.sign_in(newcomer)

    with page.challenged("Read the report") as tab:
        tab.see("Permissions requested")
        assert "Reports: read (through Orders API)" in tab.text("main ul")
        tab.picture("consent")
        tab.press("Accept")

    answered = page.result()
    page.tab.picture("report")
    assert (answered["status"], answered["body"]["oid"]) == (200, newcomer.oid)
    assert (answered["body"]["scp"], answered["body"]["client"]) == ("read", town.api.client_id)


def test_who_declines_is_told_and_may_change_their_mind(page, newcomer):
    page.sign_in(newcomer)

    with page.challenged("Read the report") as tab:
        tab.see("Permissions requested")
        tab.press("Cancel")

    assert page.result()["error"] == "access_denied"
    assert page.press("Who am I")["status"] == 200
    with page.challenged("Read the report") as tab:
        tab.press("Accept")
    assert page.result()["status"] == 200


def test_a_second_factor_that_a_downstream_api_wants_is_asked_for_and_given(page, town, user):
    town.entra.require_mfa(town.partner, user=user)
    page.sign_in(user)

    with page.challenged("Read the report") as tab:
        tab.see("Approve sign-in request")
        tab.picture("second factor")
        tab.press("Approve")

    assert page.result()["status"] == 200
    assert page.press("Read the report")["body"]["oid"] == user.oid


BY_REDIRECT = pytest.mark.parametrize("page", ["redirect"], indirect=True)


@BY_REDIRECT
def test_the_page_reads_which_consent_is_missing(page, town, newcomer):
    page.sign_in(newcomer)

    body = page.press("Read the report")["body"]

    assert body["error"] == "consent_required"
    assert body["scopes"] == [town.partner.scope("read")]


@BY_REDIRECT
def test_the_page_reads_which_claims_are_wanted(page, town, user):
    policy = town.entra.require_mfa(town.partner, user=user)
    page.sign_in(user)

    body = page.press("Read the report")["body"]

    assert body["error"] == "interaction_required"
    wanted = json.loads(body["claims"])["access_token"]["capolids"]["values"]
    assert wanted == [policy.id]


@BY_REDIRECT
def test_a_page_renews_its_token_without_its_user(page, town, user):
    page.sign_in(user)
    before = town.entra.wire.count("token")

    assert page.press("Renew") == {"cached": [True, False], "changed": True}
    assert town.entra.wire.count("token") == before + 1
    assert town.entra.wire.token_requests[-1].form["grant_type"] == "refresh_token"
    assert page.press("Who am I")["status"] == 200


@BY_REDIRECT
def test_a_page_that_forgot_its_user_resumes_the_session(page, user):
    page.sign_in(user)

    assert page.press("Resume") == {"username": user.upn}
    assert page.press("Who am I")["body"]["oid"] == user.oid
