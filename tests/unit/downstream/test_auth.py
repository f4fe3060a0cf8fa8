"""The auth for a client of the user's own, over real sockets and both transports."""

import httpx
import pytest
from tests.support.downstream import BASE, SCOPE, Script, Tokens, api_options, downstream
from tests.support.raw_server import Connection, json_answer, raw_server
from tests.unit.downstream.test_calls import USER

from msidweb.configuration.options import AcquireTokenOptions, HttpClientOptions
from msidweb.errors import InvalidCallError, UserRequiredError
from msidweb.http import HttpClients
from msidweb.telemetry import ChallengeAnswered, Telemetry, correlation_scope

CHALLENGE = 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'
CHALLENGED = json_answer(b"{}", "401 Unauthorized", f"WWW-Authenticate: {CHALLENGE}")
AUTO = AcquireTokenOptions.SESSION_KEY_AUTO


@pytest.fixture(params=["httpx", "aiohttp"])
async def transport(request):
    """A transport for the user's client; ours, so that both kinds are tried."""
    clients = HttpClients({"x": HttpClientOptions(transport=request.param)}, telemetry=Telemetry())
    clients.open()
    yield clients.client("x")._transport
    await clients.aclose()


@pytest.fixture
def asked_before(request, transport):
    """Whether *transport* tells what it is about to send, as httpcore does."""
    return request.node.callspec.params["transport"] == "httpx"


def answering(*answers: bytes):
    async def behaviour(connection: Connection) -> None:
        left = list(answers)
        while True:
            await connection.request()
            await connection.send(left.pop(0) if len(left) > 1 else left[0])

    return behaviour


OK = json_answer(b"[]")


def api_at(url: str, tokens: Tokens | None = None, **options):
    return downstream(
        Script(), {"api": api_options(base_url=url, **options)}, tokens=tokens or Tokens()
    )


async def test_requests_carry_the_token(transport):
    async with raw_server(answering(OK)) as server:
        auth = api_at(server.url).auth("api")
        async with httpx.AsyncClient(transport=transport, auth=auth) as client:
            answer = await client.post(f"{server.url}/x?y=1", json=[1])
    assert answer.json() == []
    assert b"authorization: bearer token-1" in server.heads[0].lower()
    assert repr(auth) == "DownstreamAuth('api')"


async def test_a_claims_challenge_is_answered_once(transport):
    tokens = Tokens()
    async with raw_server(answering(CHALLENGED, CHALLENGED, OK)) as server:
        auth = api_at(server.url, tokens).auth("api")
        async with httpx.AsyncClient(transport=transport, auth=auth) as client:
            answer = await client.post(server.url, json=[1])
    assert answer.status_code == 401
    assert len(server.heads) == 2
    assert b"token-2" in server.heads[1]
    assert (tokens.asked[1].options.claims, tokens.asked[1].options.force_refresh) == (
        '{"a":1}',
        True,
    )


async def test_a_body_that_streams_is_not_sent_again(transport):
    async def pieces():
        yield b"x"

    async def challenge(connection: Connection) -> None:
        await connection.request()
        await connection.reader.readuntil(b"0\r\n\r\n")
        await connection.send(CHALLENGED)

    tokens = Tokens()
    async with raw_server(challenge) as server:
        auth = api_at(server.url, tokens).auth("api")
        async with httpx.AsyncClient(transport=transport, auth=auth) as client:
            answer = await client.post(server.url, content=pieces())
    assert answer.status_code == 401
    assert len(tokens.asked) == 1


async def test_another_origin_gets_no_token_and_no_request(transport):
    tokens = Tokens()
    async with raw_server(answering(OK)) as server, raw_server(answering(OK)) as other:
        auth = api_at(server.url, tokens).auth("api")
        async with httpx.AsyncClient(transport=transport, auth=auth) as client:
            with pytest.raises(InvalidCallError) as caught:
                await client.get(other.url)
    assert caught.value.code == "foreign_url"
    assert not tokens.asked
    assert not other.heads


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect"])
async def test_a_redirect_to_another_origin_carries_no_token(transport, status):
    tokens = Tokens()
    async with raw_server(answering(CHALLENGED)) as other:
        away = json_answer(b"", status, f"Location: {other.url}/x")
        async with raw_server(answering(away)) as server:
            auth = api_at(server.url, tokens).auth("api")
            async with httpx.AsyncClient(
                transport=transport, auth=auth, follow_redirects=True
            ) as client:
                answer = await client.get(server.url)
    # The challenge of a stranger is not answered either.
    assert answer.status_code == 401
    assert len(tokens.asked) == 1
    assert len(server.heads) == len(other.heads) == 1
    head = other.heads[0].lower()
    assert b"authorization" not in head
    assert b"transfer-encoding" not in head


def redirecting(location: str):
    async def behaviour(connection: Connection) -> None:
        while True:
            moved = b"/v1/moved " in await connection.request()
            away = json_answer(b"", "307 Temporary Redirect", f"Location: {location}")
            await connection.send(away if moved else OK)

    return behaviour


@pytest.mark.parametrize("location", ["/v2/x", "/v1other/x", "/v1/%2e%2e/v2", "../v2"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_out_of_the_base_url_is_refused(transport, location, method, asked_before):
    async with raw_server(redirecting(location)) as server:
        auth = api_at(f"{server.url}/v1").auth("api")
        async with httpx.AsyncClient(
            transport=transport, auth=auth, follow_redirects=True
        ) as client:
            with pytest.raises(InvalidCallError):
                await client.request(method, f"{server.url}/v1/moved", content=b"")
    assert len(server.heads) == (1 if asked_before else 2)


async def test_a_redirect_below_the_base_url_carries_the_token(transport, asked_before):
    events = []

    async def told(event, info) -> None:
        events.append(event)

    async with raw_server(redirecting("/v1/x?y=%20")) as server:
        auth = api_at(f"{server.url}/v1").auth("api")
        async with httpx.AsyncClient(
            transport=transport, auth=auth, follow_redirects=True
        ) as client:
            answer = await client.get(f"{server.url}/v1/moved", extensions={"trace": told})
    assert answer.json() == []
    assert all(b"token-1" in head for head in server.heads)
    assert bool(events) == asked_before


async def test_a_redirect_through_a_proxy_is_judged_by_where_it_leads():
    async with raw_server(redirecting("/v2/x")) as proxy:
        base = "http://localhost/v1"
        client = httpx.AsyncClient(
            auth=api_at(base).auth("api"), follow_redirects=True, proxy=proxy.url, trust_env=False
        )
        async with client:
            assert (await client.get(f"{base}/x")).json() == []
            with pytest.raises(InvalidCallError):
                await client.get(f"{base}/moved")
    paths = [head.split()[1].decode().removeprefix(base) for head in proxy.heads]
    assert paths == ["/x", "/moved"]


@pytest.mark.parametrize("extension", [{"target": b"/admin"}, {"sni_hostname": "evil.example"}])
async def test_a_target_beside_the_url_gets_no_token(extension):
    tokens = Tokens()
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(Script(httpx.Response(200))),
        auth=api_at(BASE, tokens).auth("api"),
    ) as client:
        with pytest.raises(InvalidCallError) as caught:
            await client.get(BASE, extensions=extension)
    assert caught.value.code == "foreign_url"
    assert not tokens.asked


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/x",
        "http://api.example/v1/x",
        "https://api.example/v2/x",
        "https://api.example/v",
        "https://api.example:444/v1",
        "https://api.example/v1/%2e%2e/x",
        "https://u@api.example/v1",
    ],
)
async def test_only_what_is_below_the_base_url_gets_the_token(url):
    service = Script(httpx.Response(200))
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(service), auth=api_at(BASE).auth("api")
    ) as client:
        with pytest.raises(InvalidCallError):
            await client.get(url)
        assert (await client.get(f"{BASE}/x")).status_code == 200
    assert len(service.requests) == 1


async def asked_by(auth: httpx.Auth) -> None:
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(Script(httpx.Response(200))), auth=auth
    ) as client:
        await client.get(BASE)


async def test_whose_token_it_is_can_be_said():
    tokens = Tokens()
    api = api_at(BASE, tokens)
    for auth in (
        api.auth("api"),
        api.auth("api", user=USER),
        api.auth("api", for_app=True),
        api.auth("api", session_key="k"),
        api.named("api").auth(),
        api.auth([SCOPE], base_url=BASE, for_app=True),
    ):
        await asked_by(auth)
    assert [asked.for_app for asked in tokens.asked] == [False, False, True, False, False, True]
    assert [asked.user for asked in tokens.asked] == [None, USER, None, None, None, None]
    assert tokens.asked[3].options.session_key == "k"
    assert {asked.scopes for asked in tokens.asked} == {(SCOPE,)}


async def test_no_token_is_the_acquirers_error():
    with pytest.raises(UserRequiredError):
        await asked_by(api_at(BASE, Tokens([UserRequiredError("who?")])).auth("api"))


@pytest.mark.parametrize(
    ("api", "more", "code"),
    [
        ("other", {}, "unknown_api"),
        ("api", {"base_url": BASE}, "foreign_base_url"),
        ([SCOPE], {}, "base_url_missing"),
        ([], {"base_url": BASE}, "scopes_missing"),
        ([SCOPE, "other/.default"], {"base_url": BASE, "for_app": True}, "app_scopes"),
        ([SCOPE], {"base_url": "http://evil.example"}, "invalid_call"),
        ("api", {"session_key": AUTO}, "session_key_lost"),
        (None, {}, "invalid_argument"),
        (b"api", {"base_url": BASE}, "invalid_argument"),
        ([5], {"base_url": BASE}, "invalid_argument"),
        ([SCOPE], {"base_url": 5}, "invalid_argument"),
        ("api", {"user": "alice"}, "invalid_argument"),
        ("api", {"session_key": 5}, "invalid_argument"),
    ],
)
def test_an_auth_that_cannot_work_is_refused_when_it_is_made(api, more, code):
    with pytest.raises(InvalidCallError) as caught:
        api_at(BASE).auth(api, **more)
    assert caught.value.code == code


def test_a_synchronous_client_is_refused():
    transport = httpx.MockTransport(Script(httpx.Response(200)))
    auth = api_at(BASE).auth("api")
    with (
        httpx.Client(transport=transport, auth=auth) as client,
        pytest.raises(InvalidCallError) as caught,
    ):
        client.get(BASE)
    assert caught.value.code == "async_only"


async def test_an_answered_challenge_is_told():
    heard = []
    api = downstream(Script(), hooks=[heard.append])
    service = Script(
        httpx.Response(401, headers={"www-authenticate": CHALLENGE}), httpx.Response(200)
    )
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(service), auth=api.auth("api")
    ) as client:
        with correlation_scope("c-1"):
            assert (await client.get(BASE)).status_code == 200
    assert heard == [ChallengeAnswered(service="api", correlation_id="c-1")]
