"""A service that was built for production takes the sandbox for Entra ID, and forgets it again."""

import contextlib
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Security
from starlette.applications import Starlette
from starlette.routing import Mount

from msidweb import (
    DownstreamApiError,
    Identity,
    IdentityBuilder,
    InvalidCallError,
    NamedDownstreamApi,
    Principal,
)
from msidweb.configuration import Configuration
from msidweb.credentials import ClientSecret
from msidweb.errors import InvalidClaimError, MetadataUnavailableError, UnknownKeyError
from msidweb.integrations.fastapi import EntraAuth
from msidweb.integrations.starlette import install
from msidweb.testing import EntraSandbox, ManualClock

WEB_API = {
    "instance": "https://login.microsoftonline.com/",
    "tenant_id": "11111111-2222-3333-4444-555555555555",
    "client_id": "66666666-7777-8888-9999-000000000000",
    "client_secret": "production",
    "audience": "api://orders",
}


def builder(**web_api) -> IdentityBuilder:
    return (
        IdentityBuilder(Configuration.of_environment(environ={}))
        .add_microsoft_identity_web_api(**WEB_API | web_api)
        .enable_token_acquisition(credentials=[ClientSecret("production, too")])
        .add_downstream_api(
            "Partner", base_url="https://partner.example/v1", scopes=["api://p/read"]
        )
        .add_downstream_api(
            "Graph",
            base_url="https://graph.microsoft.com/v1.0",
            scopes=["https://graph.microsoft.com/User.Read"],
        )
        .add_downstream_api("Open", base_url="https://open.example")
        .add_downstream_api(
            "Daemon", base_url="https://jobs.example", scopes=["api://jobs/.default"]
        )
    )


@pytest.fixture
def identity() -> Identity:
    return builder().build()


@pytest.fixture
def entra():
    with EntraSandbox() as entra:
        yield entra


async def call(identity, entra, api, **details):
    user = await identity.token_validator.validate(entra.token("alice"))
    return await identity.downstream_api.named(api).get_for_user("me", user=user, **details)


async def test_downstream_apis_stand_in_with_the_configured_scopes(identity, entra):
    entra.redirect(identity)
    async with identity:
        seen = await call(identity, entra, "Partner")

    assert (seen["oid"], seen["scp"], seen["path"]) == (entra.sample.alice.oid, "read", "/v1/me")
    assert seen["client"] == entra.sample.api.client_id


async def test_graph_answers_as_the_emulators(identity, entra):
    entra.redirect(identity)
    async with identity:
        me = await call(identity, entra, "Graph")
        entra.apis["Graph"].answer_with({"id": "told"})
        told = await call(identity, entra, "Graph")

    assert me["id"] == entra.sample.alice.oid
    assert told == {"id": "told"}


async def test_an_api_without_scopes_asks_for_no_token(identity, entra):
    entra.redirect(identity)
    async with identity:
        seen = await call(identity, entra, "Open")

    entra.apis["Open"].challenge_next("{}")
    assert "oid" not in seen
    [request] = entra.apis["Open"].requests
    assert not request.bearer


async def test_the_service_calls_as_itself(identity, entra):
    entra.redirect(identity)
    async with identity:
        seen = await identity.downstream_api.named("Daemon").get_for_app("run")

    assert seen["client"] == entra.sample.api.client_id
    assert "scp" not in seen


async def test_a_stand_in_challenges_and_counts(identity, entra):
    entra.redirect(identity)
    partner = entra.apis["Partner"]
    partner.challenge_next('{"access_token":{"nbf":{"essential":true,"value":"1"}}}')
    async with identity:
        await call(identity, entra, "Partner")

    assert len(partner.requests) == 1
    assert entra.wire.count("token") == 2


async def test_nothing_leaves_the_process(entra):
    identity = builder().add_http_client("Other").build()
    entra.redirect(identity)
    async with identity:
        with pytest.raises(httpx.ConnectError, match=r"other\.example"):
            await identity.http_client("Other").get("https://other.example/")


async def test_time_is_the_sandboxs(identity):
    with EntraSandbox(clock=ManualClock(1_900_000_000)) as entra:
        entra.redirect(identity)
        async with identity:
            principal = await identity.token_validator.validate(entra.token("alice"))

    assert principal.expires_at > 1_900_000_000


async def test_the_service_is_let_go(identity):
    before = identity.options
    with EntraSandbox() as entra:
        entra.redirect(identity)
        assert identity.options.web_api.client_id == entra.sample.api.client_id
        validator = identity.token_validator

    assert identity.options == before
    assert identity.token_validator is not validator
    assert identity.container.client_credentials()


async def test_a_second_sandbox_has_nothing_of_the_first(identity):
    for _ in range(2):
        with EntraSandbox() as entra:
            entra.redirect(identity)
            entra.redirect(identity)
            async with identity:
                await call(identity, entra, "Partner")
            assert entra.wire.count("token") == 1


async def test_what_the_service_demands_of_callers_stays(entra):
    identity = builder(
        scopes="Orders.Read", app_permissions="Orders.All", tenant_id="common"
    ).build()
    entra.redirect(identity)
    fabrikam = entra.add_tenant("fabrikam")
    carol = entra.add_user("carol", tenant=fabrikam)
    async with identity:
        principal = await identity.token_validator.validate(entra.token(carol))

    assert identity.options.web_api.scopes == ["Orders.Read"]
    assert principal.scopes == {"access_as_user", "Orders.Read"}
    assert principal.tenant_id == fabrikam.id


async def test_another_tenants_users_are_refused_by_a_service_of_one_tenant(identity, entra):
    entra.redirect(identity)
    carol = entra.add_user("carol", tenant=entra.add_tenant("fabrikam"))
    async with identity:
        with pytest.raises((InvalidClaimError, UnknownKeyError)):
            await identity.token_validator.validate(entra.token(carol))


async def test_every_scheme_is_an_app_of_its_own(entra):
    second = WEB_API | {"client_id": "99999999-7777-8888-9999-000000000000"}
    chain = builder().add_microsoft_identity_web_api(scheme="Second", **second)
    identity = chain.enable_token_acquisition().build()
    app = FastAPI(lifespan=identity.lifespan)
    auth = EntraAuth(identity, scheme="Second")
    auth.install(app)

    User = Annotated[Principal, Security(auth)]
    Partner = Annotated[NamedDownstreamApi, Depends(auth.api("Partner"))]

    @app.get("/")
    async def whoami(user: User, api: Partner):
        return [user.scheme, (await api.get_for_user("me"))["client"]]

    client = entra.client(app)

    service = entra.service("Second")
    answer = client.get("/", headers=entra.headers("alice", scheme="Second"))
    assert answer.json() == ["Second", service.client_id]
    assert service is not entra.sample.api
    assert client.get("/", headers=entra.headers("alice")).status_code == 401


def test_the_identity_is_found_in_applications_and_in_those_mounted_there(identity, entra):
    inner = Starlette()
    install(inner, identity)
    outer = Starlette(routes=[Mount("/inner", inner)])

    assert entra.redirect(outer) == [identity]


def test_an_application_without_an_identity_is_refused(entra, identity):
    with pytest.raises(InvalidCallError, match="No identity"):
        entra.client(Starlette())
    assert entra.client(Starlette(), identity).get("/").status_code == 404


async def test_transports_can_have_something_around_them(identity, entra):
    asked = []

    class Watching(httpx.AsyncBaseTransport):
        def __init__(self, inner):
            self.inner = inner

        async def handle_async_request(self, request):
            asked.append(request.url.host)
            return await self.inner.handle_async_request(request)

    entra.redirect(identity, between=Watching)
    async with identity:
        await call(identity, entra, "Partner")

    assert asked[-2:] == ["login.microsoftonline.com", "partner.example"]


def test_a_user_has_roles_from_then_on(entra):
    ada = entra.user("Ada", roles=["Orders.Admin"])
    token = entra.token("ada")

    assert entra.user("ada") is ada
    assert entra.recognize(token)["roles"] == ["Orders.Admin"]
    assert entra.recognize(entra.token(ada, roles=["Other"]))["roles"] == ["Other"]
    assert "roles" not in entra.recognize(entra.token("bob"))


def test_the_daemon_has_its_role_or_those_of_the_moment(entra):
    def roles(headers):
        return entra.recognize(headers["Authorization"].removeprefix("Bearer "))["roles"]

    assert roles(entra.app_headers()) == ["Orders.Read.All"]
    assert roles(entra.app_headers(roles=["A"])) == ["A"]


async def test_a_service_that_was_left_leads_to_production_again(identity):
    with EntraSandbox() as entra:
        token = entra.token("alice")
        entra.redirect(identity)
    refuse = httpx.MockTransport(lambda request: httpx.Response(503))
    options = identity.options.model_copy()
    options.http_clients = {"Entra": identity.container.http_clients().options("Entra")}
    options.http_clients["Entra"].transport = refuse
    with contextlib.ExitStack() as stack:
        stack.enter_context(identity.container.options.override(options))
        with pytest.raises((MetadataUnavailableError, InvalidClaimError)):
            await identity.token_validator.validate(token)


async def test_a_failing_stand_in_is_a_failing_api(identity, entra):
    entra.redirect(identity)
    entra.apis["Partner"].answer_with({"error": "busy"}, status=503, headers={"Retry-After": "3"})
    async with identity:
        with pytest.raises(DownstreamApiError) as failed:
            await call(identity, entra, "Partner")

    assert failed.value.status_code == 503
