"""Long-running processes, the challenge: work goes on after the answer, until the token ends."""

import asyncio
from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Security

from msidweb import Identity, NamedDownstreamApi, Principal
from msidweb.errors import AssertionRejectedError, InvalidCallError, UserRequiredError
from msidweb.integrations.fastapi import EntraAuth


class Worker:
    """A long process that takes its first step when it is let."""

    def __init__(self) -> None:
        self.may_start = asyncio.Event()
        self.ended = asyncio.Event()
        self.outcome: object = None

    async def work(self, partner: NamedDownstreamApi) -> None:
        await self.may_start.wait()
        try:
            self.outcome = await partner.get_for_user("api/data")
        except AssertionRejectedError as error:
            self.outcome = error
        self.ended.set()


def processing_controller(identity: Identity, worker: Worker) -> FastAPI:
    entra = EntraAuth(identity)
    app = FastAPI(lifespan=identity.lifespan)
    entra.install(app)
    running: set[asyncio.Task[None]] = set()

    Caller = Annotated[Principal, Security(entra, scopes=["access_as_user"])]
    Partner = Annotated[NamedDownstreamApi, Depends(entra.api("PartnerAPI"))]

    @app.post("/api/processing/start", status_code=202)
    async def start(caller: Caller, partner: Partner) -> dict[str, str]:
        running.add(asyncio.create_task(worker.work(partner)))
        return {"status": "Started"}

    @app.post("/api/processing/queue", status_code=202)
    async def queue(caller: Caller, partner: Partner, tasks: BackgroundTasks) -> dict[str, str]:
        tasks.add_task(worker.work, partner)
        return {"status": "Started"}

    return app


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
async def client(stage, worker):
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    return await stage.client(processing_controller(identity, worker))


async def ended(worker: Worker) -> object:
    worker.may_start.set()
    async with asyncio.timeout(10):
        await worker.ended.wait()
    return worker.outcome


async def test_a_task_started_in_the_request_goes_on_as_its_user(stage, client, worker):
    response = await client.post("/api/processing/start", headers=stage.signed_in(stage.alice))
    assert (response.status_code, response.json()) == (202, {"status": "Started"})

    assert await ended(worker) == {"rows": ["first", "second"]}
    [call] = stage.partner.calls
    assert call.claims["oid"] == stage.alice.oid


async def test_a_background_task_of_the_framework_does_too(stage, client, worker):
    worker.may_start.set()

    await client.post("/api/processing/queue", headers=stage.signed_in(stage.alice))

    assert await ended(worker) == {"rows": ["first", "second"]}
    assert stage.partner.calls[0].claims["oid"] == stage.alice.oid


async def test_once_the_users_token_ended_the_exchange_fails_and_names_the_way_out(
    stage, client, worker
):
    await client.post("/api/processing/start", headers=stage.signed_in(stage.alice))
    stage.clock.advance(2 * 3600)

    error = await ended(worker)

    assert isinstance(error, AssertionRejectedError)
    assert "session key" in error.remedy
    assert stage.exchanges == []


async def test_a_worker_outside_of_any_request_has_no_user_whatever_the_guide_says(stage):
    async with stage.identity() as identity:
        with pytest.raises(UserRequiredError, match="no user is known"):
            await identity.downstream_api.get_for_user("PartnerAPI", "api/data")

    assert stage.exchanges == []


async def test_a_worker_can_be_given_the_user(stage):
    async with stage.identity() as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )
        queue: asyncio.Queue[Principal] = asyncio.Queue()
        await queue.put(user)

        async def work() -> object:
            caller = await queue.get()
            return await identity.downstream_api.get_for_user("PartnerAPI", "api/data", user=caller)

        assert await asyncio.create_task(work()) == {"rows": ["first", "second"]}


async def test_the_sentinel_is_refused_where_the_generated_key_would_be_lost(stage):
    """The guide's sample copies it into the lambda's options, and never sees a key."""

    def as_the_guide(options) -> None:
        options.relative_path = "api/data"
        options.acquire_token_options.session_key = "AllocateForMe"

    async with stage.identity() as identity:
        user = await identity.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]]
        )
        with pytest.raises(InvalidCallError) as caught:
            await identity.downstream_api.get_for_user(
                "PartnerAPI", options=as_the_guide, user=user
            )

    assert caught.value.code == "session_key_lost"
    assert stage.exchanges == []
