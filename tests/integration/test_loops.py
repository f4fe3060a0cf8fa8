"""One identity on several event loops: side by side in threads, and one after the other."""

import asyncio
import sys
import threading

import pytest
from tests.support.stage import Stage

ROUNDS = 20


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        stage.entra.consent(client=stage.api, resource=stage.partner.resource, user=stage.carol)
        yield stage


def token_of(stage, user):
    return stage.signed_in(user)["Authorization"].removeprefix("Bearer ")


async def served(identity, token, *, rounds=1):
    """The names that calls of one user found, on a loop that opens the identity for itself."""
    async with identity:
        partner = identity.downstream_api.named("PartnerAPI")
        client = identity.http_client("PartnerAPI")
        names = []
        for _ in range(rounds):
            user = await identity.token_validator.validate(token)
            names.append((await partner.get_for_user("api/users/me", user=user))["name"])
        assert not client.is_closed
    return names, client.is_closed


async def test_two_loops_in_two_threads_share_tokens_and_no_connection(stage):
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    users = {"Alice": stage.alice, "Carol": stage.carol}

    def on_a_loop_of_its_own(user):
        return asyncio.run(served(identity, token_of(stage, user), rounds=ROUNDS))

    found = await asyncio.gather(
        *(asyncio.to_thread(on_a_loop_of_its_own, user) for user in users.values())
    )

    assert found == [([name] * ROUNDS, True) for name in users]
    assert len(stage.exchanges) == 2
    assert "closed" in repr(identity)


async def test_a_loop_that_ends_leaves_one_that_runs_alone(stage):
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    token = token_of(stage, stage.alice)

    async with identity:
        for _ in range(3):
            names, closed = await asyncio.to_thread(asyncio.run, served(identity, token))
            assert (names, closed) == (["Alice"], True)
        user = await identity.token_validator.validate(token)
        partner = identity.downstream_api.named("PartnerAPI")
        assert await partner.get_for_user("api/data", user=user)

    assert len(stage.exchanges) == 1


async def test_one_run_after_the_other_and_blocking_calls_between(stage):
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    token = token_of(stage, stage.alice)

    def script():
        found = []
        for _ in range(2):
            found += asyncio.run(served(identity, token))[0]
            with identity.blocking as blocking:
                user = blocking.token_validator.validate(token)
                api = blocking.downstream_api
                found.append(api.get_for_user("PartnerAPI", "api/users/me", user=user)["name"])
        return found

    assert await asyncio.to_thread(script) == ["Alice"] * 4
    assert len(stage.exchanges) == 1


async def test_a_run_that_forgot_to_close_does_not_disturb_the_next(stage):
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    token = token_of(stage, stage.alice)

    async def forgetful():
        await identity.token_validator.validate(token)
        # As httpx leaves its connections: closed, but by nobody's leave.
        await identity.container.http_clients().client("Entra").aclose()

    await asyncio.to_thread(asyncio.run, forgetful())

    assert (await asyncio.to_thread(asyncio.run, served(identity, token)))[0] == ["Alice"]


@pytest.mark.parametrize("name", ["token_cache", "authorities", "token_acquirer", "downstream_api"])
def test_threads_that_come_first_together_get_one_part(tmp_path, name):
    stage = Stage(tmp_path)
    stage.settings = {
        "AzureAd": stage.entra.azure_ad(stage.api),
        "DownstreamApis": {"P": {"BaseUrl": "https://p.example", "Scopes": ["a/b"]}},
    }
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            identity = stage.identity()
            together = threading.Barrier(8)
            parts = []

            def ask(identity=identity, together=together, parts=parts):
                together.wait()
                parts.append(identity.container.providers[name]())

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len({id(part) for part in parts}) == 1
    finally:
        sys.setswitchinterval(interval)
