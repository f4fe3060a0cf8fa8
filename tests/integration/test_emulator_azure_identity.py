"""Unmodified azure-identity, blocking and asyncio, against the emulator over TLS."""

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential, OnBehalfOfCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from azure.identity.aio import OnBehalfOfCredential as AsyncOnBehalfOfCredential
from tests.support.entra_server import Served, served_entra


@pytest.fixture
def served(monkeypatch):
    with served_entra(monkeypatch) as served:
        yield served


def arguments(served: Served, app):
    return {
        "tenant_id": served.entra.tenant.id,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "authority": served.entra.base_url,
        "disable_instance_discovery": True,
        "connection_verify": served.server.ca_file,
    }


def alices(served: Served) -> str:
    return served.entra.user_token(served.sample.alice, resource=served.sample.api)


async def obo_token(served: Served, *, blocking: bool) -> str:
    scope = served.sample.partner.scope("read")
    options = arguments(served, served.sample.api) | {"user_assertion": alices(served)}
    if blocking:
        with OnBehalfOfCredential(**options) as credential:
            return credential.get_token(scope).token
    async with AsyncOnBehalfOfCredential(**options) as credential:
        return (await credential.get_token(scope)).token


async def app_token(served: Served, *, blocking: bool) -> str:
    scope = served.sample.api.default_scope
    options = arguments(served, served.sample.daemon)
    if blocking:
        with ClientSecretCredential(**options) as credential:
            return credential.get_token(scope).token
    async with AsyncClientSecretCredential(**options) as credential:
        return (await credential.get_token(scope)).token


BOTH = pytest.mark.parametrize("blocking", [True, False])


@BOTH
async def test_a_secret_gets_the_apps_token(served, blocking):
    token = await app_token(served, blocking=blocking)

    assert served.entra.recognize(token)["roles"] == ["Orders.Read.All"]


@BOTH
async def test_on_behalf_of_gets_the_users_token(served, blocking):
    token = await obo_token(served, blocking=blocking)

    claims = served.entra.recognize(token)
    assert (claims["oid"], claims["scp"]) == (served.sample.alice.oid, "read")


@BOTH
async def test_missing_consent_reaches_the_caller(served, blocking):
    served.entra.revoke_consent(client=served.sample.api, resource=served.sample.partner)

    with pytest.raises(ClientAuthenticationError, match="AADSTS65001"):
        await obo_token(served, blocking=blocking)


@BOTH
async def test_a_wrong_secret_reaches_the_caller(served, blocking):
    served.entra.add_secret(served.sample.daemon, expires_at=0)

    with pytest.raises(ClientAuthenticationError, match="AADSTS7000222"):
        await app_token(served, blocking=blocking)


async def test_the_asyncio_client_asks_for_tokens_only(served):
    await obo_token(served, blocking=False)

    assert {request.endpoint for request in served.entra.wire.requests} == {"token"}
    assert served.entra.wire.token_requests[0].scopes == (served.sample.partner.scope("read"),)


METADATA = ("token_endpoint", "authorization_endpoint", "issuer", "jwks_uri")


@BOTH
@pytest.mark.parametrize("field", METADATA)
async def test_only_the_blocking_client_needs_metadata(served, blocking, field):
    served.entra.fail_next("metadata", leave_out=[field], times=None)
    needed = blocking and field in {"token_endpoint", "authorization_endpoint"}

    try:
        works = bool(await obo_token(served, blocking=blocking))
    except (ClientAuthenticationError, HttpResponseError, KeyError, ValueError, AttributeError):
        works = False

    assert works is not needed


TOKEN = ("token_type", "scope", "expires_in", "ext_expires_in", "access_token", "client_info")


@BOTH
@pytest.mark.parametrize("field", TOKEN)
async def test_the_token_and_its_life_are_needed(served, blocking, field):
    served.entra.fail_next("token", leave_out=[field], times=None)
    needed = field in {"access_token", "expires_in"}

    try:
        works = bool(await app_token(served, blocking=blocking))
    except (ClientAuthenticationError, KeyError, ValueError, TypeError):
        works = False

    assert works is not needed


async def test_a_transient_failure_is_asked_again(served):
    served.entra.fail_next("token", status=503, retry_after=0)

    assert await app_token(served, blocking=False)
    assert [request.status for request in served.entra.wire.token_requests] == [503, 200]
