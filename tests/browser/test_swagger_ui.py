"""Swagger UI, unmodified, in a real browser: it signs its user in and calls the API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import pytest
from fastapi import FastAPI, Security, WebSocket
from starlette.applications import Starlette
from starlette.routing import Mount

from msidweb import IdentityBuilder, Principal
from msidweb.configuration import Configuration
from msidweb.integrations.fastapi import EntraAuth
from msidweb.testing import App, EntraEmulator, environment_of, serve_tls

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Documented:
    """An API with a docs page.

    Attributes:
        url: Where it is, as the browser sees it.
        api: Its own registration.
        docs: The registration that its docs page signs in with.
    """

    entra: EntraEmulator
    url: str
    api: App
    docs: App


@pytest.fixture(scope="module", params=["", "/orders"], ids=["at the root", "behind a path"])
def documented(request, driver, ca) -> Iterator[Documented]:
    root = request.param
    entra = EntraEmulator()
    api = entra.add_app("Orders API", scopes=["access_as_user"])
    place = f"https://localhost{root}/docs/oauth2-redirect"
    docs = entra.add_app("Orders documentation", public=True, redirect_uris={"spa": [place]})
    with serve_tls(entra, ca=ca) as login:
        app = service(
            {
                "AzureAd": entra.azure_ad(api),
                "HttpClients": {"Entra": {"CaFile": login.ca_file}},
            },
            docs.client_id,
            assets=driver / "node_modules/swagger-ui-dist",
            root=root,
        )
        with serve_tls(app, ca=ca) as server:
            yield Documented(entra, f"{server.base_url}{root}", api, docs)


def service(settings, client_id, *, assets, root):
    identity = (
        IdentityBuilder(Configuration.of_environment(environ=environment_of(settings)))
        .add_microsoft_identity_web_api("AzureAd")
        .build()
    )
    entra = EntraAuth(identity)
    app = FastAPI(title="Orders", redoc_url=None)
    entra.install(app, docs_client_id=client_id, swagger_assets=assets)
    User = Annotated[Principal, Security(entra, scopes=["access_as_user"])]

    @app.get("/me")
    async def me(user: User) -> dict[str, object]:
        return {"oid": user.object_id, "client": user.client_id}

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, user: User) -> None:
        await websocket.accept()
        await websocket.send_json({"oid": user.object_id})
        await websocket.close()

    return Starlette(routes=[Mount(root or "/", app)], lifespan=identity.lifespan)


def sign_in(tab, documented, user):
    """What a developer does who opens the page and wants to try the API."""
    tab.open(f"{documented.url}/docs")
    tab.walk(("locator", ".auth-wrapper .authorize"), "click")
    tab.picture("the form")
    tab.walk(("locator", ".auth-container .authorize"), "click")
    tab.pages(2)
    tab.see("Pick an account")
    tab.fill("Another account", user.upn)
    tab.press("Next")
    tab.see("Permissions requested")
    tab.picture("consent")
    tab.press("Accept")
    tab.pages(1)
    tab.walk(("locator", ".auth-container button:has-text('Logout')"), ("waitFor",))
    tab.picture("signed in")
    tab.walk(("locator", ".auth-container .btn-done"), "click")


@pytest.fixture
def user(documented, request):
    """Somebody who never consented to anything."""
    documented.entra.wire.clear()
    return documented.entra.add_user(request.node.originalname.replace("_", "-"))


def test_the_docs_page_signs_in_with_pkce_and_calls_the_api(tab, documented, user):
    sign_in(tab, documented, user)

    tab.walk(("locator", "#operations-default-me_me_get .opblock-summary-control"), "click")
    tab.press("Try it out")
    tab.press("Execute")
    shown = tab.text(".live-responses-table .response .highlight-code code")

    tab.picture("answered")
    assert json.loads(shown) == {"oid": user.oid, "client": documented.docs.client_id}
    [redeemed] = [sent for sent in documented.entra.wire.to("token") if sent.form]
    assert (redeemed.status, redeemed.form["grant_type"]) == (200, "authorization_code")
    assert {"code_verifier", "client_secret"} & redeemed.form.keys() == {"code_verifier"}
    asked = documented.entra.wire.to("authorize")[0].query
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == documented.api.scope("access_as_user")
    assert not [line for line in tab.log if line.startswith(("uncaught", "failed"))]


def test_a_page_opens_a_web_socket_with_its_users_token(tab, documented, user):
    sign_in(tab, documented, user)

    assert tab.evaluate(_SOCKET) == {"protocol": "bearer", "oid": user.oid}
    assert tab.evaluate(_REFUSED) == {"code": 1006, "opened": False}


_SOCKET = """new Promise((resolve, reject) => {
  const token = ui.authSelectors.authorized().getIn(["Bearer", "token", "access_token"]);
  const socket = new WebSocket(location.href.replace("/docs", "/socket"), ["bearer", token]);
  socket.onmessage = ({ data }) => resolve({ protocol: socket.protocol, ...JSON.parse(data) });
  socket.onerror = () => reject(new Error("refused"));
})"""

_REFUSED = """new Promise((resolve) => {
  const socket = new WebSocket(location.href.replace("/docs", "/socket"), ["bearer", "a.b.c"]);
  let opened = false;
  socket.onopen = () => { opened = true; };
  socket.onclose = ({ code }) => resolve({ code, opened });
})"""
