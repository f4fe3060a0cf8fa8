"""identity.blocking on real sockets, from threads, scripts and endpoints that block."""

import asyncio
import inspect
import json
import threading

import httpx
import pytest
from pydantic import TypeAdapter
from tests.support.stage import Stage

from msidweb import (
    AuthorizationHeaderProvider,
    DownstreamApi,
    NamedDownstreamApi,
    TokenAcquirer,
    TokenValidator,
    ambient_principal,
)
from msidweb.acquisition import SchemeAcquirer
from msidweb.blocking import (
    BlockingAuthorizationHeaderProvider,
    BlockingDownstreamApi,
    BlockingNamedDownstreamApi,
    BlockingTokenAcquirer,
    BlockingTokenValidator,
)
from msidweb.errors import (
    AuthenticationError,
    BlockingCallError,
    DownstreamApiError,
    DownstreamTimeoutError,
    InvalidCallError,
    UserRequiredError,
)
from msidweb.principal import principal_scope
from msidweb.telemetry import ApiOpenedLate

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")


RAW = ("call_api", "call_api_for_user", "call_api_for_app")


@pytest.fixture
async def stage(tmp_path):
    async with Stage.raised(tmp_path) as stage:
        stage.entra.assign(client=stage.api, resource=stage.partner.resource, roles=["Read.All"])
        yield stage


@pytest.fixture
async def identity(stage):
    identity = stage.identity(stage.builder().override(clock=stage.clock))
    yield identity
    await asyncio.to_thread(identity.blocking.close)


def app_scope(stage):
    return f"api://{stage.partner.resource.client_id}/.default"


def token_of(stage, user):
    return stage.signed_in(user)["Authorization"].removeprefix("Bearer ")


TWINS = [
    (NamedDownstreamApi, BlockingNamedDownstreamApi),
    (DownstreamApi, BlockingDownstreamApi),
    (TokenAcquirer, BlockingTokenAcquirer),
    (SchemeAcquirer, BlockingTokenAcquirer),
    (AuthorizationHeaderProvider, BlockingAuthorizationHeaderProvider),
    (TokenValidator, BlockingTokenValidator),
]


@pytest.mark.parametrize(("asynchronous", "blocking"), TWINS, ids=lambda kind: kind.__name__)
def test_every_call_has_a_twin_that_takes_the_same(asynchronous, blocking):
    def taken(method):
        parameters = inspect.signature(method).parameters.values()
        return [(each.name, each.kind, each.annotation) for each in parameters]

    calls = {
        name: method
        for name, method in inspect.getmembers(asynchronous, inspect.iscoroutinefunction)
        if not name.startswith("_") and name != "open"
    }
    # Not coroutine functions themselves, as they can be used by ``async with`` too.
    calls |= {name: getattr(asynchronous, name) for name in RAW if hasattr(asynchronous, name)}

    assert calls
    for name, method in calls.items():
        twin = getattr(blocking, name)
        assert not inspect.iscoroutinefunction(twin)
        timeout = ("timeout", inspect.Parameter.KEYWORD_ONLY, "float | None")
        assert [each for each in taken(twin) if each != timeout] == taken(method), name


async def test_a_script_calls_as_the_user_it_names(stage, identity):
    def script():
        blocking = identity.blocking
        alice = blocking.token_validator.validate(token_of(stage, stage.alice))
        api = blocking.downstream_api
        return (
            api.get_for_user("PartnerAPI", "api/users/me", user=alice)["name"],
            api.named("PartnerAPI").get_for_user(
                "api/data", user=alice, response_model=TypeAdapter(dict[str, list[str]])
            ),
            blocking.token_acquirer.get_token_for_user([stage.partner.scope], user=alice).scopes,
        )

    name, data, scopes = await asyncio.to_thread(script)

    assert name == "Alice"
    assert data == {"rows": ["first", "second"]}
    assert stage.partner.scope in scopes
    assert len(stage.exchanges) == 1
    assert not stage.heard(ApiOpenedLate)


async def test_every_verb_calls_for_user_and_application(stage, identity):
    def script():
        blocking = identity.blocking
        alice = blocking.token_validator.validate_authorization(
            [stage.signed_in(stage.alice)["Authorization"]], query_string=b"a=b"
        )
        api, named = blocking.downstream_api, blocking.downstream_api.named("PartnerAPI")
        as_app = {"scopes": [app_scope(stage)]}
        for verb in VERBS:
            getattr(api, f"{verb}_for_user")("PartnerAPI", "api/data", user=alice)
            getattr(named, f"{verb}_for_app")("api/data", **as_app)
            getattr(api, f"{verb}_for_app")("PartnerAPI", "api/data", **as_app)
            getattr(named, f"{verb}_for_user")("api/data", user=alice)
        raw = [
            api.call_api("PartnerAPI", "api/data", user=alice),
            api.call_api_for_user("PartnerAPI", "api/data", user=alice),
            api.call_api_for_app("PartnerAPI", "api/data", **as_app),
        ]
        assert [type(each) for each in raw] == [httpx.Response] * 3
        assert named.name in repr(named)

    await asyncio.to_thread(script)

    methods = [call.request.method for call in stage.partner.calls]
    assert methods == [verb.upper() for verb in VERBS for _ in range(4)] + ["GET"] * 3


async def test_tokens_and_headers_for_the_application(stage, identity):
    def script():
        blocking = identity.blocking
        token = blocking.token_acquirer.get_token_for_app(app_scope(stage), timeout=30)
        alice = blocking.token_validator.validate(token_of(stage, stage.alice), timeout=30)
        assert blocking.token_validator.scheme == alice.scheme
        provider = blocking.authorization_header_provider
        for_user = provider.create_authorization_header_for_user(
            [stage.partner.scope], user=alice, timeout=30
        )
        return (
            token.header,
            provider.create_authorization_header_for_app(app_scope(stage)),
            for_user,
        )

    token, header, for_user = await asyncio.to_thread(script)

    assert token == header
    assert for_user.startswith("Bearer ")
    assert for_user != header


async def test_the_callers_context_gives_the_user_and_no_other_thread_does(stage, identity):
    stage.entra.consent(client=stage.api, resource=stage.partner.resource, user=stage.carol)
    users = {"Alice": stage.alice, "Carol": stage.carol}

    def as_user(name):
        principal = identity.blocking.token_validator.validate(token_of(stage, users[name]))
        with principal_scope(principal):
            api = identity.blocking.downstream_api.named("PartnerAPI")
            return [api.get_for_user("api/users/me")["name"] for _ in range(10)]

    names = list(users) * 3
    found = await asyncio.gather(*(asyncio.to_thread(as_user, name) for name in names))

    assert found == [[name] * 10 for name in names]
    assert ambient_principal() is None
    with pytest.raises(UserRequiredError):
        await asyncio.to_thread(
            identity.blocking.downstream_api.get_for_user, "PartnerAPI", "api/users/me"
        )


async def test_an_open_application_lends_its_loop_and_its_connections(stage, identity):
    seen = []

    async def meanwhile():
        seen.append(asyncio.all_tasks())

    stage.partner.meanwhile = meanwhile
    async with identity:
        alice = await identity.token_validator.validate(token_of(stage, stage.alice))
        data = await asyncio.to_thread(
            identity.blocking.downstream_api.get_for_user, "PartnerAPI", "api/data", user=alice
        )
        client = identity.http_client("PartnerAPI")
        assert not [each for each in threading.enumerate() if each.name == "msidweb-loop"]

    assert data == {"rows": ["first", "second"]}
    assert client.is_closed


async def test_in_async_code_the_error_names_the_way_out(stage, identity):
    async with identity:
        with pytest.raises(InvalidCallError, match="await the asynchronous method"):
            identity.blocking.downstream_api.get_for_app("PartnerAPI", scopes=[app_scope(stage)])
        with pytest.raises(InvalidCallError, match="event loop"):
            identity.blocking.token_validator.validate("token")


async def test_a_refused_token_and_a_deadline_end_as_in_async_code(stage, identity):
    released = asyncio.Event()
    stage.partner.meanwhile = released.wait

    def script():
        blocking = identity.blocking
        with pytest.raises(AuthenticationError):
            blocking.token_validator.validate("no token")
        with pytest.raises(DownstreamTimeoutError):
            blocking.downstream_api.get_for_app(
                "PartnerAPI", "api/data", scopes=[app_scope(stage)], timeout=0.2
            )

    await asyncio.to_thread(script)
    released.set()


async def test_an_acquisition_that_takes_too_long_is_given_up(stage, identity):
    stage.entra.fail_next("token", latency=1)

    def script():
        with pytest.raises(BlockingCallError) as caught:
            identity.blocking.token_acquirer.get_token_for_app(app_scope(stage), timeout=0.2)
        return caught.value.code

    assert await asyncio.to_thread(script) == "blocking_timeout"
    # The next request asks anew: the one that was given up is not under way any more.
    token = await asyncio.to_thread(
        identity.blocking.token_acquirer.get_token_for_app, app_scope(stage)
    )
    assert token.source == "identity_provider"


async def test_one_scheme_can_be_named(stage, identity):
    def script():
        scheme = identity.blocking.scheme("Bearer")
        token = scheme.token_acquirer.get_token_for_app(app_scope(stage))
        return token, scheme.token_validator.validate(token_of(stage, stage.alice))

    token, alice = await asyncio.to_thread(script)

    assert token.header.startswith("Bearer ")
    assert alice.object_id == stage.alice.oid
    with pytest.raises(InvalidCallError, match="Bearer"):
        identity.blocking.scheme("Other")


async def test_a_body_is_read_piece_by_piece(stage, identity):
    def script():
        api = identity.blocking.downstream_api
        as_app = {"scopes": [app_scope(stage)], "stream": True}
        alice = identity.blocking.token_validator.validate(token_of(stage, stage.alice))
        with api.call_api_for_app("PartnerAPI", "api/data", **as_app) as response:
            assert not response.is_stream_consumed
            pieces = b"".join(response.iter_bytes())
        with api.call_api_for_user("PartnerAPI", "api/data", user=alice, stream=True) as response:
            assert response.read() == pieces
        with (
            pytest.raises(LookupError),
            api.call_api("PartnerAPI", "api/data", user=alice, stream=True) as response,
        ):
            raise LookupError
        with pytest.raises(InvalidCallError):
            api.named("PartnerAPI").call_api("api/data", stream=None)
        return pieces

    assert json.loads(await asyncio.to_thread(script)) == {"rows": ["first", "second"]}


async def test_a_body_that_cannot_be_decoded_is_the_apis_failure(stage, identity):
    async def lies(scope, receive, send):
        head = [(b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"no gzip"})

    server = await stage.serve(lies)
    stage.settings["DownstreamApis"]["PartnerAPI"]["BaseUrl"] = server.base_url
    identity = stage.identity(stage.builder().override(clock=stage.clock))

    def script():
        api = identity.blocking.downstream_api
        with (
            identity.blocking,
            pytest.raises(DownstreamApiError),
            api.call_api_for_app(
                "PartnerAPI", "api/data", scopes=[app_scope(stage)], stream=True
            ) as response,
        ):
            response.read()

    await asyncio.to_thread(script)


async def test_with_closes_what_was_opened_in_the_background(stage, identity):
    def script():
        with identity.blocking as blocking:
            blocking.token_acquirer.get_token_for_app(app_scope(stage))
            assert "open" in repr(identity)
        assert "closed" in repr(identity)
        # The token is still in memory; nothing is asked again.
        return blocking.token_acquirer.get_token_for_app(app_scope(stage)).source

    assert (await asyncio.to_thread(script)).value == "cache"
    assert len(stage.exchanges) == 1
