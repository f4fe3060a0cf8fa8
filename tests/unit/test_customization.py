"""The chain's callbacks, and the auth, in a whole identity on real sockets."""

import httpx
import pytest
from examples.obo_fastapi.app import create_app
from tests.support.stage import Stage

from msidweb import AuthorizationError, DownstreamApiError, IdentityBuilder, InvalidCallError

CALLBACKS = (
    "on_token_validated",
    "on_before_token_request",
    "on_before_auth_header",
    "on_after_auth_header",
    "customize_request",
)


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        yield stage


async def signed_in(stage, identity):
    field = stage.signed_in(stage.alice)["Authorization"]
    return await identity.token_validator.validate_authorization([field])


async def test_all_are_called_in_the_order_of_the_work(stage):
    seen = []

    def noting(name):
        return lambda _: seen.append(name)

    builder = stage.builder()
    for name in CALLBACKS:
        getattr(builder, name)(noting(name))
        getattr(builder, name)(noting(f"{name} again"))
    async with stage.identity(builder) as identity:
        user = await signed_in(stage, identity)
        await identity.downstream_api.get_for_user("PartnerAPI", "api/users/me", user=user)
    order = ("on_token_validated", "on_before_auth_header", "on_before_token_request")
    expected = [*order, "on_after_auth_header", "customize_request"]
    assert seen == [text for name in expected for text in (name, f"{name} again")]


async def test_a_header_of_each_reaches_whom_it_is_for(stage):
    builder = (
        stage.builder()
        .on_before_token_request(lambda draft: draft.headers.update({"X-Token": draft.flow}))
        .customize_request(lambda request: request.headers.update({"X-Api": "1"}))
    )
    async with stage.identity(builder) as identity:
        user = await signed_in(stage, identity)
        await identity.downstream_api.get_for_user("PartnerAPI", "api/users/me", user=user)
    [call] = stage.partner.calls
    assert (call.request.headers["x-api"], "x-token" in call.request.headers) == ("1", False)
    [exchange] = stage.exchanges
    assert exchange.headers["x-token"] == "user"


async def test_a_refusal_in_code_is_the_callers_answer(stage):
    def refuse(principal):
        raise AuthorizationError("Not in the list.")

    async with stage.identity(stage.builder().on_token_validated(refuse)) as identity:
        with pytest.raises(AuthorizationError, match=r"Not in the list\."):
            await signed_in(stage, identity)


async def test_a_service_answers_a_refusal_in_code_with_403(stage):
    def refuse(principal):
        raise AuthorizationError("Not in the list.")

    identity = stage.identity(stage.builder().on_token_validated(refuse))
    client = await stage.client(create_app(identity))
    answer = await client.get("/api/userdata", headers=stage.signed_in(stage.alice))
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("name", CALLBACKS)
def test_something_that_is_no_function_is_refused(name):
    with pytest.raises(InvalidCallError, match=f"{name} takes a function, not str"):
        getattr(IdentityBuilder(), name)("hook")


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_the_auth_gives_a_client_of_ones_own_the_users_token(stage, transport):
    builder = stage.builder().add_http_client("PartnerAPI", transport=transport)
    async with stage.identity(builder) as identity:
        user = await signed_in(stage, identity)
        base = identity.options.downstream_apis["PartnerAPI"].base_url
        async with httpx.AsyncClient(
            base_url=base, verify=stage.trust, auth=identity.auth("PartnerAPI", user=user)
        ) as client:
            answer = await client.get("api/users/me")
            stage.partner.challenge_next('{"access_token":{"nbf":{"essential":true}}}')
            again = await client.get("api/users/me")
    assert answer.json()["name"] == again.json()["name"] == "Alice"
    assert len(stage.exchanges) == 2


async def test_retries_of_the_named_client_are_those_of_the_api(stage):
    builder = stage.builder().add_http_client("PartnerAPI", retries=1, timeout=30)
    async with stage.identity(builder) as identity:
        user = await signed_in(stage, identity)
        api = identity.downstream_api
        with stage.partner.answering(503, retry_after="0"), pytest.raises(DownstreamApiError):
            await api.get_for_user("PartnerAPI", "api/data", user=user)
    assert len(stage.partner.calls) == 2
