"""What an authorization request is refused for: on a page, or back at the client."""

import pytest

from msidweb.errors import InvalidCallError


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"client_id": None}, 900144),
        ({"client_id": "nobody"}, 700016),
        ({"redirect_uri": None}, 900144),
        ({"redirect_uri": "https://evil.example/"}, 50011),
        ({"tenant": "nowhere"}, 90002),
        ({"tenant": "common"}, 50194),
        ({"tenant": "organizations"}, 50194),
        ({"tenant": "consumers"}, 9002332),
        ({"tenant": "9188040d-6c67-4c5b-b112-36a304b66dad"}, 9002332),
    ],
)
async def test_a_page_says_what_cannot_go_back(spa, entra, fields, code):
    page = await spa.begin(**fields)

    assert spa.browser.landed is None
    assert page.response.status_code == 400
    assert f"AADSTS{code}: " in page.response.text
    assert entra.wire.requests[-1].code == code


@pytest.mark.parametrize(
    ("fields", "code", "error"),
    [
        ({"response_type": None}, 900144, "invalid_request"),
        ({"response_type": "id_token"}, 700054, "unsupported_response_type"),
        ({"response_type": "code id_token"}, 700054, "unsupported_response_type"),
        ({"response_type": "token"}, 700051, "unsupported_response_type"),
        ({"response_type": "none"}, 70005, "unsupported_response_type"),
        ({"response_mode": "smoke"}, 90023, "invalid_request"),
        ({"prompt": "please"}, 90023, "invalid_request"),
        ({"scope": None}, 900144, "invalid_request"),
        ({"claims": "{"}, 9002313, "invalid_request"),
        ({"code_challenge": None}, 9002325, "invalid_request"),
        ({"code_challenge_method": "plain"}, 9002325, "invalid_request"),
        ({"code_challenge_method": None}, 9002325, "invalid_request"),
        ({"code_challenge": "short"}, 501491, "invalid_request"),
    ],
)
async def test_the_client_is_told_the_rest(spa, entra, fields, code, error):
    await spa.begin(**fields)

    answer = spa.browser.answer
    assert answer["error"] == error
    assert answer["error_description"].startswith(f"AADSTS{code}: ")
    assert answer["state"] == "a state"
    assert entra.wire.requests[-1].code == code


async def test_a_web_app_uses_a_known_method(web):
    await web.begin(code_challenge_method="S512")

    assert "AADSTS90023" in web.browser.answer["error_description"]


@pytest.mark.parametrize(
    ("scope", "code", "error"),
    [
        ("api://nobody/read", 500011, "invalid_resource"),
        ("User.Fly", 650053, "invalid_client"),
        ("User.Read https://graph.microsoft.com/.default", 70011, "invalid_scope"),
    ],
)
async def test_a_scope_that_cannot_be_meant_is_refused(spa, scope, code, error):
    await spa.browser.press(await spa.begin(scope=scope), "alice")

    assert spa.browser.answer["error"] == error
    assert f"AADSTS{code}: " in spa.browser.answer["error_description"]


@pytest.mark.parametrize("mode", ["fragment", "form_post"])
async def test_a_refusal_takes_the_way_of_the_answer(spa, mode):
    page = await spa.begin(prompt="none", response_mode=mode)

    if mode == "fragment":
        assert spa.browser.landed.fragment.startswith("error=login_required")
    else:
        assert page.forms[0].fields["error"] == "login_required"
        assert page.forms[0].action == spa.redirect_uri


async def test_a_fault_is_for_authorize_too(spa, entra, sample):
    entra.fail_next("authorize", code=90033, app=sample.spa)

    page = await spa.begin()

    assert page.response.status_code == 503
    assert "AADSTS90033" in page.response.text


LOCAL = "http://localhost/callback"


@pytest.mark.parametrize(
    ("registered", "asked", "goes"),
    [
        (LOCAL, "http://localhost:5001/callback", True),
        (LOCAL, "http://localhost:65535/callback", True),
        ("http://127.0.0.1:9/callback", "http://127.0.0.1:80/callback", True),
        ("http://localhost", "http://localhost:4711/", True),
        ("http://localhost", "http://localhost:4711", True),
        (LOCAL, "http://localhost:5001/Callback", False),
        (LOCAL, "http://localhost:5001/callback/", False),
        (LOCAL, "http://localhost:5001/callback?next=1", False),
        (LOCAL, "http://localhost:5001/callback#x", False),
        (LOCAL, "https://localhost:5001/callback", False),
        (LOCAL, "http://127.0.0.1:5001/callback", False),
        (LOCAL, "http://localhost.evil.example/callback", False),
        (LOCAL, "http://localhost:1@evil.example/callback", False),
        (LOCAL, "http://localhost:1\\@evil.example/callback", False),
        (LOCAL, "http://user@localhost:1/callback", False),
        (LOCAL, "http://localhost:1\r\nX: y/callback", False),
        (LOCAL, "http://localhost:\uff11/callback", False),
        ("https://app.example/cb", "https://app.example/cb", True),
        ("https://app.example/cb", "https://app.example:444/cb", False),
        ("https://app.example/cb", "https://app.example/cb/../x", False),
        ("https://app.example/cb", "https://APP.example/cb", False),
        ("https://app.example/cb", "https://app.example/cb?x=1", False),
        ("https://app.example/cb", "https://app.example.evil/cb", False),
        ("msal12345://auth", "msal12345://auth", True),
    ],
)
async def test_a_redirect_uri_is_met_exactly_save_the_port_at_home(
    spa, entra, registered, asked, goes
):
    app = entra.add_app("native", public=True, redirect_uris={"public": [registered]})

    page = await spa.begin(client_id=app.client_id, redirect_uri=asked, prompt="none")

    assert (spa.browser.landed is not None) is goes
    assert ("AADSTS50011" in page.response.text) is not goes


@pytest.mark.parametrize(
    ("uri", "platform"),
    [
        ("http://app.example/cb", "web"),
        ("msal12345://auth", "web"),
        ("msal12345://auth", "spa"),
        ("javascript:alert(1)", "public"),
        ("data:text/html,x", "public"),
        ("http://app.example/cb", "public"),
        ("https://app.example/cb#x", "web"),
        ("https://app.example/*", "web"),
        ("https://app.example/a b", "web"),
        ("https://app.example/;x", "web"),
        ("/cb", "web"),
        ("", "web"),
        ("https://app.example/cb", "desktop"),
    ],
)
def test_not_everything_can_be_a_redirect_uri(entra, sample, uri, platform):
    with pytest.raises(InvalidCallError):
        entra.add_redirect_uri(sample.api, uri, platform=platform)
