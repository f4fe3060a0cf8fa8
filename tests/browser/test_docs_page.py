"""FastAPI's docs page in a real browser: Swagger UI signs in with PKCE and calls our API."""

import pytest

pytestmark = pytest.mark.browser

CDN = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@*/*"


def test_the_docs_page_signs_in_and_calls_the_api(tab, town, driver):
    user = town.add_user()
    tab.serve(CDN, driver / "node_modules" / "swagger-ui-dist")
    tab.open(f"{town.service}/docs")

    tab.click(".btn.authorize")
    tab.click(".modal-ux >> text=select all")
    tab.picture("scopes")
    tab.click(".modal-ux .btn.authorize")
    tab.pages(2)
    tab.see("Pick an account")
    tab.fill("Another account", user.upn)
    tab.press("Next")
    tab.press("Accept")
    tab.pages(1)
    tab.picture("authorized")
    tab.click(".modal-ux .btn-done")
    tab.click("#operations-default-me_me_get .opblock-summary-control")
    tab.press("Try it out")
    tab.press("Execute")

    answer = tab.text(".live-responses-table td.response-col_description .highlight-code code")
    tab.picture("answer")
    assert user.oid in answer
    assert "code_verifier" in town.entra.wire.token_requests[-1].form
