"""What an application adds to requests, and that it cannot lead a token elsewhere."""

import asyncio

import httpx
import pytest
from tests.support.downstream import BASE, Script, Tokens, api_options, downstream
from tests.support.raw_server import Connection, json_answer, raw_server
from tests.unit.downstream.test_transports import answer_everything

from msidweb.configuration.options import DownstreamApiOptions
from msidweb.downstream import RequestHooks
from msidweb.errors import InvalidCallError
from msidweb.telemetry import HeaderDropped

CHALLENGE = {"www-authenticate": 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'}
KINDS = ("before_auth_header", "after_auth_header", "customize")


def ok() -> Script:
    return Script(httpx.Response(200, json=[]))


def noting(seen: list[str], name: str):
    def hook(request: httpx.Request) -> None:
        seen.append(f"{name} {'authorization' in request.headers}")

    return hook


def noting_later(seen: list[str], name: str):
    async def hook(request: httpx.Request) -> None:
        await asyncio.sleep(0)
        noting(seen, name)(request)

    return hook


@pytest.mark.parametrize("make", [noting, noting_later])
async def test_hooks_are_called_in_order_and_add_to_each_other(make):
    seen: list[str] = []
    hooks = RequestHooks(
        before_auth_header=(make(seen, "builder before"),),
        after_auth_header=(make(seen, "builder after"), make(seen, "another after")),
        customize=(make(seen, "builder customize"),),
    )
    configured = api_options(
        on_before_auth_header=make(seen, "api before"),
        on_after_auth_header=make(seen, "api after"),
        customize_request=make(seen, "api customize"),
    )
    api = downstream(ok(), {"api": configured}, request_hooks=hooks)
    options = DownstreamApiOptions(customize_request=make(seen, "options customize"))
    await api.get_for_user("api", options=options, customize_request=make(seen, "call customize"))
    assert seen == [
        "builder before False",
        "api before False",
        "builder after True",
        "another after True",
        "api after True",
        "builder customize True",
        "api customize True",
        "options customize True",
        "call customize True",
    ]


async def test_hooks_of_one_call_are_gone_with_it():
    seen: list[str] = []
    api = downstream(ok())

    def edit(options: DownstreamApiOptions) -> None:
        options.on_after_auth_header = noting(seen, "edited")

    await api.get_for_user("api", options=edit, customize_request=noting(seen, "call"))
    await api.get_for_user("api")
    assert seen == ["edited True", "call True"]


async def test_every_attempt_is_shown_to_them():
    seen: list[str] = []
    service = Script(httpx.Response(401, headers=CHALLENGE), httpx.Response(200))
    hooks = RequestHooks(*((noting(seen, kind),) for kind in KINDS))
    await downstream(service, request_hooks=hooks).get_for_user("api")
    assert seen == [f"{kind} {kind != KINDS[0]}" for kind in KINDS] * 2


async def test_what_they_add_is_sent():
    def sign(request: httpx.Request) -> None:
        request.headers["X-Signature"] = str(len(request.content))
        request.headers["Accept"] = "application/xml"
        request.url = request.url.copy_merge_params({"v": "2"})

    service = ok()
    await downstream(service).post_for_user("api", "x?a=1", json=[1], customize_request=sign)
    [request] = service.requests
    assert str(request.url) == f"{BASE}/x?a=1&v=2"
    assert request.headers["x-signature"] == "3"
    assert request.headers["accept"] == "application/xml"
    assert request.headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/x",
        "http://api.example/v1/x",
        "https://api.example:444/v1/x",
        "https://api.example.evil.example/v1/x",
        "https://api.example@evil.example/v1/x",
        "https://user:pw@api.example/v1/x",
        "https://api.example/v10/x",
        "https://api.example/",
        "https://api.example/v1/../x",
        "https://api.example/v1/%2e%2e/x",
        "https://api.example/v1/..%2fx",
        "https://api.example/v1//evil.example/x",
        "https://api.example/v1/x#fragment",
    ],
)
async def test_a_hook_cannot_send_the_token_elsewhere(kind, url):
    def lead_away(request: httpx.Request) -> None:
        request.url = httpx.URL(url)

    service = ok()
    api = downstream(service, request_hooks=RequestHooks(**{kind: (lead_away,)}))
    with pytest.raises(InvalidCallError):
        await api.get_for_user("api", "x")
    assert not service.requests


@pytest.mark.parametrize("url", [BASE, f"{BASE}/", f"{BASE}?a=1", f"{BASE}/y/z?a=%2e%2e"])
async def test_a_hook_may_stay_below_the_base_url(url):
    def move(request: httpx.Request) -> None:
        request.url = url  # type: ignore[assignment]

    service = ok()
    await downstream(service).get_for_user("api", "x", customize_request=move)
    assert str(service.requests[0].url) == url


@pytest.mark.parametrize("extension", ["target", "sni_hostname"])
async def test_a_hook_cannot_change_what_lies_below_the_url(extension):
    def lead_away(request: httpx.Request) -> None:
        request.extensions[extension] = b"/v2/x"

    with pytest.raises(InvalidCallError) as caught:
        await downstream(ok()).get_for_user("api", customize_request=lead_away)
    assert caught.value.code == "foreign_url"


@pytest.mark.parametrize(
    ("part", "value"),
    [("url", 3), ("headers", 3), ("headers", [1]), ("stream", None)],
)
async def test_a_hook_that_breaks_the_request_is_told(part, value):
    service = ok()
    with pytest.raises(InvalidCallError) as caught:
        await downstream(service).get_for_user(
            "api", customize_request=lambda request: setattr(request, part, value)
        )
    assert caught.value.code == "customized_request"
    assert not service.requests


async def test_a_hook_cannot_change_the_verb():
    def other(request: httpx.Request) -> None:
        request.method = "DELETE"

    with pytest.raises(InvalidCallError) as caught:
        await downstream(ok()).get_for_user("api", customize_request=other)
    assert caught.value.code == "customized_method"


@pytest.mark.parametrize("kind", KINDS)
async def test_reserved_headers_are_put_back_and_told_of(kind):
    def meddle(request: httpx.Request) -> None:
        request.headers["Authorization"] = "Bearer other"
        request.headers["Host"] = "evil.example"
        request.headers["Cookie"] = "a=1"
        request.headers["X-Forwarded-For"] = "1.2.3.4"
        request.headers["X-Mine"] = "kept"
        del request.headers["Connection"]

    heard: list[object] = []
    service = ok()
    api = downstream(service, hooks=[heard.append], request_hooks=RequestHooks(**{kind: (meddle,)}))
    await api.post_for_user("api", json=1)
    headers = service.requests[0].headers
    assert headers["authorization"] == "Bearer token-1"
    assert headers["host"] == "api.example"
    assert headers["connection"] == "keep-alive"
    assert headers["x-mine"] == "kept"
    assert headers["content-length"] == "1"
    assert not {"cookie", "x-forwarded-for"} & headers.keys()
    dropped = {event.header for event in heard if isinstance(event, HeaderDropped)}
    expected = {"cookie", "host", "x-forwarded-for", "connection"}
    # Set before the token is there, it is as good as overwritten.
    assert dropped == expected | ({"authorization"} if kind != KINDS[0] else set())


async def test_a_second_field_of_a_reserved_name_is_dropped():
    def second(request: httpx.Request) -> None:
        request.headers = httpx.Headers(
            [*request.headers.multi_items(), ("Authorization", "Bearer other")]
        )

    service = ok()
    await downstream(service).get_for_user("api", customize_request=second)
    assert service.requests[0].headers.get_list("authorization") == ["Bearer token-1"]


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "\0", "\x7f"])
async def test_a_malformed_header_is_refused(value):
    def malformed(request: httpx.Request) -> None:
        request.headers["X-Mine"] = value

    service = ok()
    with pytest.raises(InvalidCallError):
        await downstream(service).get_for_user("api", customize_request=malformed)
    assert not service.requests


async def test_an_api_without_scopes_may_be_given_a_credential_of_ones_own():
    def own(request: httpx.Request) -> None:
        request.headers["Authorization"] = "ApiKey mine"

    service = ok()
    api = downstream(service, {"api": api_options(scopes=[])})
    await api.get_for_user("api", customize_request=own)
    assert service.requests[0].headers["authorization"] == "ApiKey mine"
    with pytest.raises(InvalidCallError):
        await api.get_for_user("api", customize_request=broken)


def broken(request: httpx.Request) -> None:
    request.headers["Authorization"] = "ApiKey a\r\nX-Other: b"


@pytest.mark.parametrize("mine", [RuntimeError("mine"), TimeoutError("mine"), httpx.ReadError("m")])
@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_hook_raises_passes_as_it_is_and_nothing_is_sent(kind, mine):
    def fails(_: httpx.Request) -> None:
        raise mine

    service, tokens = ok(), Tokens()
    api = downstream(service, request_hooks=RequestHooks(**{kind: (fails,)}), tokens=tokens)
    with pytest.raises(type(mine)) as caught:
        await api.get_for_user("api")
    assert caught.value is mine
    assert not service.requests
    assert len(tokens.asked) == (kind != KINDS[0])


async def test_hooks_work_over_sockets_and_with_streamed_bodies(connect):
    async def add(request: httpx.Request) -> None:
        await asyncio.sleep(0)
        request.headers["X-Mine"] = "1"

    async def pieces():
        yield b"x"

    async def answer(connection: Connection) -> None:
        await connection.request()
        await connection.reader.readuntil(b"0\r\n\r\n")
        await connection.send(json_answer(b"[]"))

    async with raw_server(answer_everything) as server:
        await connect(server.url).get_for_user("api", customize_request=add)
    assert b"x-mine: 1" in server.heads[0].lower()
    async with raw_server(answer) as server:
        await connect(server.url).post_for_user("api", content=pieces(), customize_request=add)
    assert b"x-mine: 1" in server.heads[0].lower()
    assert b"transfer-encoding: chunked" in server.heads[0].lower()


async def test_a_hook_that_hangs_ends_at_the_deadline(connect):
    async def hang(_: httpx.Request) -> None:
        await asyncio.Event().wait()

    async with raw_server(answer_everything) as server:
        with pytest.raises(Exception, match=r"within 0\.05 s"):
            await connect(server.url).get_for_user("api", customize_request=hang, timeout=0.05)
