"""The parts that FastAPI applications are made of, each with a real identity and real sockets."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Security
from tests.support.stage import Stage

from msidweb import (
    Identity,
    NamedDownstreamApi,
    Principal,
    UserChallengeError,
    ambient_principal,
)
from msidweb.errors import AssertionRejectedError
from msidweb.integrations.fastapi import EntraAuth


@pytest.fixture
async def stage(tmp_path) -> AsyncIterator[Stage]:
    async with Stage.raised(tmp_path) as stage:
        stage.settings["Orders"] = {
            "Read": "access_as_user, orders.read",
            "ReadAll": ["Orders.Read.All"],
            "Write": "orders.write",
        }
        yield stage


@pytest.fixture
def identity(stage) -> Identity:
    return stage.identity(stage.builder().override(clock=stage.clock))


@pytest.fixture
def entra(identity) -> EntraAuth:
    return EntraAuth(identity)


def application(identity, entra, **options) -> FastAPI:
    app = FastAPI(lifespan=identity.lifespan, **options)
    entra.install(app)
    return app


def reading(entra):
    return entra.require(
        required_scopes_configuration_key="Orders:Read",
        required_app_permissions_configuration_key="Orders:ReadAll",
    )


def writing(entra):
    return entra.require(required_scopes_configuration_key="Orders:Write")


async def whom() -> str | None:
    caller = ambient_principal()
    return caller.object_id if caller else None


async def statuses(client, paths, headers):
    return {path: (await client.get(path, headers=headers)).status_code for path in paths}


async def test_configured_requirements_hold_wherever_fastapi_takes_dependencies(
    stage, identity, entra
):
    app = application(identity, entra, dependencies=[Depends(reading(entra))])
    orders = APIRouter(prefix="/orders", dependencies=[Depends(writing(entra))])
    nested = APIRouter()
    for router in (orders, nested):
        router.get("/mine")(whom)
    app.get("/mine")(whom)
    app.get("/written", dependencies=[Depends(writing(entra))])(whom)
    orders.include_router(nested, prefix="/nested")
    app.include_router(orders, prefix="/v1")
    app.include_router(nested, prefix="/v2", dependencies=[Depends(writing(entra))])
    mounted = FastAPI(dependencies=[Depends(writing(entra))])
    entra.install(mounted)
    mounted.get("/mine")(whom)
    app.mount("/mounted", mounted)
    guarded = ["/v1/orders/mine", "/v1/orders/nested/mine", "/v2/mine", "/written", "/mounted/mine"]

    client = await stage.client(app)
    reader = await statuses(client, ["/mine", *guarded], stage.signed_in(stage.alice))
    nobody = await statuses(client, ["/mine", *guarded], {})

    assert reader == {"/mine": 200, **dict.fromkeys(guarded, 403)}
    assert nobody == dict.fromkeys(["/mine", *guarded], 401)
    answer = await client.get("/mounted/mine", headers=stage.signed_in(stage.alice))
    assert answer.json()["scopes"] == ["orders.write"]


async def test_a_mounted_application_may_be_of_another_identity(stage, identity, entra):
    other = stage.entra.add_app("other-api", scopes=["access_as_user"])
    settings = {**stage.settings, "AzureAd": stage.entra.azure_ad(other)}
    stage.settings = settings
    second = stage.identity()
    stage.entra.consent(client=stage.spa, resource=other)
    theirs = EntraAuth(second)
    app = FastAPI(lifespan=identity.lifespan.around(second.lifespan))
    entra.install(app)
    app.get("/mine", dependencies=[Security(entra)])(whom)
    mounted = FastAPI()
    theirs.install(mounted)
    mounted.get("/mine", dependencies=[Security(theirs)])(whom)
    app.mount("/other", mounted)
    client = await stage.client(app)

    token = stage.entra.user_token(stage.carol, resource=other, client=stage.spa)
    carol = {"Authorization": f"Bearer {token}"}
    alice = stage.signed_in(stage.alice)

    assert (await client.get("/mine", headers=alice)).json() == stage.alice.oid
    assert (await client.get("/other/mine", headers=carol)).json() == stage.carol.oid
    assert (await client.get("/mine", headers=carol)).status_code == 401
    assert (await client.get("/other/mine", headers=alice)).status_code == 401


async def test_endpoints_and_dependencies_that_block_call_as_the_user(stage, identity, entra):
    app = application(identity, entra)
    seen = []

    def partner() -> Iterator[object]:
        api = identity.blocking.downstream_api.named("PartnerAPI")
        yield api
        seen.append(api.get_for_user("api/users/me")["name"])

    @app.get("/me", dependencies=[Security(entra, scopes=["access_as_user"])])
    def me(api: Annotated[object, Depends(partner)], later: BackgroundTasks) -> str:
        later.add_task(lambda: seen.append(api.get_for_user("api/users/me")["tenantId"]))
        return api.get_for_user("api/users/me")["name"]

    # In process, where a request ends with its background tasks.
    async with identity, in_process(app) as client:
        alice = await client.get("/me", headers=stage.signed_in(stage.alice))
        exchanges = len(stage.exchanges)
        carol = await client.get("/me", headers=stage.signed_in(stage.carol))

    assert alice.json() == "Alice"
    assert sorted(seen) == sorted(["Alice", stage.alice.tid])
    assert exchanges == 1
    assert (carol.status_code, carol.json()["error"]) == (401, "consent_required")


async def test_a_background_task_goes_on_as_the_user_until_the_token_ends(stage, identity, entra):
    app = application(identity, entra)
    outcomes = []

    async def work(partner: NamedDownstreamApi) -> None:
        outcomes.append((await partner.get_for_user("api/users/me"))["name"])
        stage.clock.advance(48 * 3_600)
        try:
            await partner.get_for_user("api/users/me")
        except AssertionRejectedError as error:
            outcomes.append(error)

    @app.post("/jobs", status_code=202, dependencies=[Security(entra)])
    async def job(
        later: BackgroundTasks,
        partner: Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))],
    ) -> None:
        later.add_task(work, partner)

    async with identity, in_process(app) as client:
        answer = await client.post("/jobs", headers=stage.signed_in(stage.alice))

    assert answer.status_code == 202
    name, error = outcomes
    assert name == "Alice"
    assert "session key" in str(error)


async def test_a_dependency_with_yield_sees_the_error_and_the_caller_and_it_is_answered(
    stage, identity, entra
):
    app = application(identity, entra)
    seen = []

    async def unit_of_work() -> AsyncIterator[None]:
        try:
            yield
        except UserChallengeError as error:
            seen.append((type(error), await whom()))
            raise
        finally:
            seen.append(await whom())

    @app.get("/me", dependencies=[Depends(unit_of_work)])
    async def me(
        user: Annotated[Principal, Security(entra)],
        partner: Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))],
    ) -> str:
        return (await partner.get_for_user("api/users/me"))["name"]

    client = await stage.client(app)
    carol = await client.get("/me", headers=stage.signed_in(stage.carol))
    alice = await client.get("/me", headers=stage.signed_in(stage.alice))

    assert (carol.status_code, carol.json()["error"]) == (401, "consent_required")
    assert alice.json() == "Alice"
    assert seen == [
        (UserChallengeError, stage.carol.oid),
        stage.carol.oid,
        stage.alice.oid,
    ]


async def test_an_identity_that_nobody_opened_opens_itself_in_a_mounted_application(
    stage, identity, entra
):
    inside = application(identity, entra)
    inside.get("/mine", dependencies=[Security(entra)])(whom)
    outside = FastAPI()
    outside.mount("/inside", inside)
    client = await stage.client(outside)

    answer = await client.get("/inside/mine", headers=stage.signed_in(stage.alice))

    assert answer.json() == stage.alice.oid
    await identity.aclose()


def in_process(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")
