from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from tests.support.browser import Browser
from tests.support.sign_in import CALLBACK, Client

from msidweb.testing import App, EntraEmulator, ManualClock, Sample, sample_tenant

Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000)


@pytest.fixture
def entra(clock: ManualClock) -> EntraEmulator:
    return EntraEmulator(clock=clock)


@pytest.fixture
def sample(entra: EntraEmulator) -> Sample:
    return sample_tenant(entra)


@pytest.fixture
async def client(entra: EntraEmulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=entra.transport()) as client:
        yield client


@pytest.fixture
def ask(entra: EntraEmulator, client: httpx.AsyncClient) -> Ask:
    """A token request; None leaves a field out."""

    async def ask(app: App, *, tenant: str | None = None, **fields: str | None) -> httpx.Response:
        form = {"client_id": app.client_id, **fields}
        if app.secrets:
            form = {"client_secret": app.client_secret, **form}
        sent = {name: value for name, value in form.items() if value is not None}
        return await client.post(entra.token_endpoint(tenant), data=sent)

    return ask


@pytest.fixture
def obo(ask: Ask, entra: EntraEmulator, sample: Sample) -> Ask:
    """Alice's token for the API, traded for one of the partner unless told otherwise."""

    async def obo(**fields: str | None) -> httpx.Response:
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "requested_token_use": "on_behalf_of",
            "scope": sample.partner.scope("read"),
            **fields,
        }
        if "assertion" not in form:
            form["assertion"] = entra.user_token(sample.alice, resource=sample.api)
        return await ask(sample.api, **form)

    return obo


@pytest.fixture
def browser(entra: EntraEmulator, client: httpx.AsyncClient) -> Browser:
    return Browser(client, entra.base_url)


@pytest.fixture
async def http(entra: EntraEmulator) -> AsyncIterator[httpx.AsyncClient]:
    """The client's own connection, without the browser's cookies."""
    async with httpx.AsyncClient(transport=entra.transport()) as http:
        yield http


@pytest.fixture
def web(entra: EntraEmulator, sample: Sample, http: httpx.AsyncClient, browser: Browser) -> Client:
    """A web app with a secret, whose users have not consented yet."""
    app = entra.add_app("shop", redirect_uris={"web": [CALLBACK]})
    scope = f"openid profile offline_access {sample.api.scope('access_as_user')}"
    return Client(entra, app, http, browser, scope)


@pytest.fixture
def spa(entra: EntraEmulator, sample: Sample, http: httpx.AsyncClient, browser: Browser) -> Client:
    """A single-page app, whose users have consented."""
    uri = "https://spa.contoso.example/"
    entra.add_redirect_uri(sample.spa, uri, platform="spa")
    scope = f"openid profile offline_access {sample.api.scope('access_as_user')}"
    origin = "https://spa.contoso.example"
    return Client(entra, sample.spa, http, browser, scope, redirect_uri=uri, origin=origin)
