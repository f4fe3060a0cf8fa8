"""Calling multiple downstream APIs: the dashboard, its calls side by side."""

import asyncio
import logging
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, Security
from pydantic import BaseModel, Field

from msidweb import DownstreamApi, Identity, Principal, UserChallengeError
from msidweb.integrations.fastapi import EntraAuth

logger = logging.getLogger("guide.dashboard")
GRAPH_SCOPE = "https://graph.microsoft.com/.default"


class User(BaseModel):
    display_name: str = Field(alias="displayName")


class Data(BaseModel):
    rows: list[str]


class Settings(BaseModel):
    theme: str


class Dashboard(BaseModel):
    user: User
    data: Data
    settings: Settings


def dashboard_controller(identity: Identity) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)

    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Api = Annotated[DownstreamApi, Depends(entra.downstream_api)]

    @app.get("/dashboard")
    async def get_dashboard(caller: Caller, api: Api) -> Dashboard:
        try:
            user, data, settings = await asyncio.gather(
                api.get_for_user("GraphAPI", "me", response_model=User),
                api.get_for_user("PartnerAPI", "api/data", response_model=Data),
                api.get_for_user("PartnerAPI", "api/settings", response_model=Settings),
            )
        except UserChallengeError:
            raise
        except Exception as error:
            logger.exception("failed to retrieve dashboard data")
            raise HTTPException(500, "Failed to retrieve dashboard") from error
        return Dashboard(user=user, data=data, settings=settings)

    @app.get("/dashboard/group")
    async def get_dashboard_in_a_group(caller: Caller, api: Api) -> Dashboard:
        async with asyncio.TaskGroup() as group:
            user = group.create_task(api.get_for_user("GraphAPI", "me", response_model=User))
            data = group.create_task(
                api.get_for_user("PartnerAPI", "api/data", response_model=Data)
            )
            settings = group.create_task(
                api.get_for_user("PartnerAPI", "api/settings", response_model=Settings)
            )
        return Dashboard(user=user.result(), data=data.result(), settings=settings.result())

    return app


BOTH = pytest.mark.parametrize("path", ["/dashboard", "/dashboard/group"])


@pytest.fixture
async def client(stage):
    return await stage.client(dashboard_controller(stage.identity()))


@BOTH
async def test_three_calls_make_one_dashboard(stage, client, path):
    response = await client.get(path, headers=stage.signed_in(stage.alice))

    assert response.json() == {
        "user": {"displayName": "Alice"},
        "data": {"rows": ["first", "second"]},
        "settings": {"theme": "dark"},
    }


@BOTH
async def test_there_is_one_exchange_for_a_user_and_a_set_of_scopes(stage, client, path):
    await client.get(path, headers=stage.signed_in(stage.alice))

    asked = sorted(request.scopes[0] for request in stage.exchanges)
    assert asked == sorted([GRAPH_SCOPE, stage.partner.scope])


@BOTH
async def test_the_calls_are_made_side_by_side(stage, client, path):
    # Neither of the partner's two answers comes before both calls are there.
    stage.partner.meanwhile = asyncio.Barrier(2).wait

    async with asyncio.timeout(10):
        response = await client.get(path, headers=stage.signed_in(stage.alice))

    assert response.status_code == 200


async def test_dashboards_of_several_users_keep_them_apart(stage, client):
    stage.entra.consent(client=stage.api, resource=stage.partner.resource)
    users = [stage.alice, stage.carol] * 5

    answers = await asyncio.gather(
        *(client.get("/dashboard", headers=stage.signed_in(user)) for user in users)
    )

    assert [answer.json()["user"]["displayName"] for answer in answers] == [
        user.name for user in users
    ]
    assert len(stage.exchanges) == 4


async def test_one_failing_call_is_answered_with_the_guides_text(stage, client):
    with stage.partner.answering(503):
        response = await client.get("/dashboard", headers=stage.signed_in(stage.alice))

    assert response.status_code == 500
    assert response.json() == {"detail": "Failed to retrieve dashboard"}


async def test_one_failing_call_of_a_group_is_answered_without_a_handler_of_ones_own(stage, client):
    with stage.partner.answering(503):
        response = await client.get("/dashboard/group", headers=stage.signed_in(stage.alice))

    assert response.status_code == 502
    assert response.json()["error"] == "upstream_failed"


@BOTH
async def test_after_a_failure_the_next_dashboard_is_whole(stage, client, path):
    with stage.partner.answering(503):
        await client.get(path, headers=stage.signed_in(stage.alice))

    response = await client.get(path, headers=stage.signed_in(stage.alice))

    assert response.status_code == 200


@BOTH
async def test_a_missing_consent_among_the_calls_reaches_the_client(stage, client, path):
    response = await client.get(path, headers=stage.signed_in(stage.carol))

    assert response.status_code == 401
    assert response.json()["scopes"] == [stage.partner.scope]
