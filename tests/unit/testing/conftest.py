from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

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
