import asyncio
import gc
import math

import httpx
import pytest
from tests.support.downstream import SCOPE, Script, Tokens, api_options, downstream

from msidweb.configuration.options import AcquireTokenOptions, DownstreamApiOptions
from msidweb.errors import InvalidCallError
from msidweb.principal import Principal
from msidweb.telemetry import Event, HeaderDropped

AUTO = AcquireTokenOptions.SESSION_KEY_AUTO
USER = Principal(
    {},
    tenant_id="t",
    object_id="o",
    client_id=None,
    scopes=frozenset(),
    roles=frozenset(),
    is_app=False,
    expires_at=0.0,
    assertion=None,
)


@pytest.fixture
def service():
    return Script(httpx.Response(200, json={}))


@pytest.fixture
def tokens():
    return Tokens()


@pytest.fixture
def api(service, tokens):
    return downstream(service, tokens=tokens)


async def refused(code: str, call, service: Script, tokens: Tokens) -> InvalidCallError:
    with pytest.raises(InvalidCallError) as caught:
        await call
    assert caught.value.code == code
    assert not service.requests
    assert not tokens.asked
    return caught.value


async def test_an_unknown_keyword_is_refused(api, service, tokens):
    error = await refused("unknown_argument", api.get_for_user("api", jsn={}), service, tokens)
    assert "did you mean 'json'" in str(error)


@pytest.mark.parametrize("keyword", ["user", "session_key"])
@pytest.mark.parametrize("method", ["get_for_app", "call_api_for_app"])
async def test_an_app_call_takes_no_user(api, service, tokens, keyword, method):
    call = getattr(api, method)("api", **{keyword: None})
    await refused("unknown_argument", call, service, tokens)


async def test_the_user_given_is_the_user_asked_for(api, tokens):
    await api.get_for_user("api", user=USER)
    await api.call_api_for_user("api", user=USER)
    assert [asked.user for asked in tokens.asked] == [USER, USER]


async def test_without_options_nothing_is_copied_or_passed_on(api, tokens):
    await api.get_for_user("api")
    assert tokens.asked[0].options is None


async def test_an_api_without_scopes_is_called_without_a_token(service, tokens):
    api = downstream(service, {"api": api_options(scopes=None)}, tokens=tokens)
    await api.get_for_user("api")
    await api.get_for_app("api")
    assert not tokens.asked
    assert all("authorization" not in request.headers for request in service.requests)


@pytest.mark.parametrize(
    "scopes", [[SCOPE, "https://graph.microsoft.com/.default"], ["api://x/read"]]
)
async def test_an_app_call_takes_one_default_scope(service, tokens, scopes):
    api = downstream(service, {"api": api_options(scopes=scopes)}, tokens=tokens)
    await refused("app_scopes", api.get_for_app("api"), service, tokens)


@pytest.mark.parametrize(
    ("configured", "wanted"),
    [
        ([SCOPE], ["https://graph.microsoft.com/User.Read", "Mail.Read"]),
        (["api://Partner/read"], ["api://partner/write"]),
        (["api://partner/read"], "api://partner/.default"),
        (["User.Read"], ["Mail.Read"]),
    ],
)
async def test_scopes_of_the_apis_own_resource_may_be_asked_for(
    service, tokens, configured, wanted
):
    api = downstream(service, {"api": api_options(scopes=configured)}, tokens=tokens)
    await api.get_for_user("api", scopes=wanted)
    assert tokens.asked[0].scopes == ((wanted,) if isinstance(wanted, str) else tuple(wanted))
    await api.get_for_user("api")
    assert tokens.asked[1].scopes == tuple(configured)


@pytest.mark.parametrize(
    ("configured", "wanted"),
    [
        ([SCOPE], ["api://partner/read"]),
        ([SCOPE], [SCOPE, "https://vault.azure.net/.default"]),
        (["api://partner/read"], ["User.Read"]),
        (["api://partner/read"], ["api://partner.evil/read"]),
        (["api://partner/read"], ["api://partner/sub/read"]),
        (["api://partner/read"], ["openid"]),
        (None, ["api://partner/read"]),
    ],
)
async def test_scopes_of_another_resource_are_refused_however_they_come(
    service, tokens, configured, wanted
):
    api = downstream(service, {"api": api_options(scopes=configured)}, tokens=tokens)

    def edit(options: DownstreamApiOptions) -> None:
        options.scopes = wanted

    for given in (
        {"scopes": wanted},
        {"options": DownstreamApiOptions(scopes=wanted)},
        {"options": edit},
    ):
        await refused("foreign_scopes", api.get_for_user("api", **given), service, tokens)


async def test_no_scopes_asked_for_is_a_call_without_a_token(api, service, tokens):
    await api.get_for_user("api", scopes=[])
    assert not tokens.asked
    assert "authorization" not in service.requests[0].headers


async def test_set_fields_of_an_options_object_win_and_the_others_stay(service, tokens):
    configured = api_options(
        relative_path="configured",
        extra_query_parameters={"a": "1"},
        acquire_token_options=AcquireTokenOptions(tenant="t1", correlation_id="c1"),
    )
    api = downstream(service, {"api": configured}, tokens=tokens)
    wanted = DownstreamApiOptions(accept_header="text/plain")
    wanted.acquire_token_options.tenant = "t2"
    await api.get_for_user("api", options=wanted)
    request, asked = service.requests[0], tokens.asked[0].options
    assert str(request.url) == "https://api.example/v1/configured?a=1"
    assert request.headers["accept"] == "text/plain"
    assert (asked.tenant, asked.correlation_id) == ("t2", "c1")
    assert wanted.acquire_token_options.correlation_id is None


async def test_arguments_of_the_call_win_over_its_options(api, service, tokens):
    wanted = DownstreamApiOptions(
        relative_path="of/options", acquire_token_options=AcquireTokenOptions(session_key="k1")
    )
    await api.get_for_user("api", "of/call", options=wanted, session_key="k2")
    assert service.requests[0].url.path == "/v1/of/call"
    assert tokens.asked[0].options.session_key == "k2"
    assert wanted.acquire_token_options.session_key == "k1"


async def test_a_call_cannot_change_the_base_url(api, service, tokens):
    def edit(options: DownstreamApiOptions) -> None:
        options.base_url = "https://evil.example"

    for given in (edit, DownstreamApiOptions(base_url="https://evil.example")):
        call = api.get_for_user("api", options=given)
        await refused("foreign_base_url", call, service, tokens)


async def test_a_call_may_take_another_http_client(tokens):
    service = Script(httpx.Response(200))
    apis = {"api": api_options(), "other": api_options(http_client_name="special")}
    api = downstream(service, apis, tokens=tokens)
    await api.get_for_user("api", options=DownstreamApiOptions(http_client_name="special"))
    await api.get_for_user("other")
    assert len(service.requests) == 2


async def test_a_generated_session_key_reaches_the_object_of_the_caller(api, tokens):
    wanted = DownstreamApiOptions(acquire_token_options=AcquireTokenOptions(session_key=AUTO))
    await api.get_for_user("api", options=wanted)
    assert wanted.acquire_token_options.session_key == "a-key"
    await api.get_for_user("api", options=wanted)
    assert tokens.asked[1].options.session_key == "a-key"


async def test_a_generated_session_key_reaches_an_object_that_a_function_puts_in(api):
    mine = AcquireTokenOptions(session_key=AUTO)

    def edit(options: DownstreamApiOptions) -> None:
        options.acquire_token_options = mine

    await api.get_for_user("api", options=edit)
    assert mine.session_key == "a-key"


async def test_a_session_key_that_would_be_lost_is_refused(api, service, tokens):
    def edit(options: DownstreamApiOptions) -> None:
        options.acquire_token_options.session_key = AUTO

    for given in ({"options": edit}, {"session_key": AUTO}):
        call = api.get_for_user("api", **given)
        error = await refused("session_key_lost", call, service, tokens)
        assert "SESSION_KEY_AUTO" in error.remedy


async def test_one_challenged_call_with_a_generated_key_keeps_that_key():
    refusal = httpx.Response(
        401,
        headers={"www-authenticate": 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ"'},
    )
    tokens = Tokens()
    api = downstream(Script(refusal, httpx.Response(200)), tokens=tokens)
    wanted = DownstreamApiOptions(acquire_token_options=AcquireTokenOptions(session_key=AUTO))
    await api.get_for_user("api", options=wanted)
    assert [asked.options.session_key for asked in tokens.asked] == [AUTO, "a-key"]
    assert wanted.acquire_token_options.session_key == "a-key"


async def test_two_bodies_are_refused(api, service, tokens):
    await refused("two_bodies", api.post_for_user("api", json=1, content="x"), service, tokens)


async def test_params_join_the_configured_ones_and_win(service):
    api = downstream(service, {"api": api_options(extra_query_parameters={"a": "1", "b": "2"})})
    params = {"b": 3, "c": True, "d": None, "e": "x y&z", "f": 1.5}
    await api.get_for_user("api", "p?own=1", params=params)
    assert str(service.requests[0].url) == (
        "https://api.example/v1/p?own=1&a=1&b=3&c=true&d=&e=x%20y%26z&f=1.5"
    )


async def test_headers_of_the_call_win_and_reserved_ones_are_dropped(service):
    heard: list[Event] = []
    options = api_options(extra_header_parameters={"X-A": "1", "X-B": "1"})
    api = downstream(service, {"api": options}, hooks=[heard.append])
    headers = {"x-a": "2", "Accept": "text/csv", "Authorization": "Basic x", "Content-Type": "a/b"}
    await api.post_for_user("api", json=1, headers=headers)
    sent = service.requests[0].headers
    assert (sent["x-a"], sent["x-b"], sent["accept"]) == ("2", "1", "text/csv")
    assert sent["content-type"] == "a/b"
    assert sent["authorization"] == "Bearer token-1"
    dropped = [event for event in heard if isinstance(event, HeaderDropped)]
    assert [(event.service, event.header) for event in dropped] == [("api", "Authorization")]
    await api.get_for_user("api", headers={"x-b": "2"})
    assert (service.requests[1].headers["x-a"], service.requests[1].headers["x-b"]) == ("1", "2")


async def test_a_header_that_breaks_the_line_is_refused(api, service, tokens):
    with pytest.raises(InvalidCallError):
        await api.get_for_user("api", headers={"x-a": "1\r\nx-b: 2"})
    assert not service.requests
    assert not tokens.asked


async def test_reserved_headers_of_per_call_options_are_reported(service):
    heard: list[Event] = []
    configured = api_options(extra_header_parameters={"Cookie": "a"})
    api = downstream(service, {"api": configured}, hooks=[heard.append])
    wanted = DownstreamApiOptions(extra_header_parameters={"Cookie": "a", "Host": "b"})
    heard.clear()
    await api.get_for_user("api", options=wanted)
    assert [event.header for event in heard if isinstance(event, HeaderDropped)] == ["Host"]


@pytest.mark.parametrize("path", ["https://evil/x", "//evil/x", "../admin", "a\\b", "a#b"])
async def test_a_path_that_leaves_the_base_is_refused(api, service, tokens, path):
    with pytest.raises(InvalidCallError):
        await api.get_for_user("api", path)
    assert not service.requests
    assert not tokens.asked


async def test_parallel_calls_keep_their_users_and_options_apart(service):
    tokens = Tokens()
    api = downstream(service, tokens=tokens)
    keys = [f"key-{number}" for number in range(50)]
    await asyncio.gather(*(api.get_for_user("api", session_key=key) for key in keys))
    assert sorted(asked.options.session_key for asked in tokens.asked) == sorted(keys)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (lambda options: setattr(options, "relative_path", 5), "RelativePath: must be text"),
        (lambda options: setattr(options, "relativ_path", "x"), "relativ_path: is unknown"),
        ({"relative_path": "x"}, "not dict"),
    ],
)
async def test_options_that_cannot_be_are_refused_before_anything_is_sent(options, told):
    service = Script()
    with pytest.raises(InvalidCallError, match=told):
        await downstream(service).get_for_user("api", options=options)
    assert not service.requests


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": "3"},
        {"params": ["a"]},
        {"params": {"a": [1, 2]}},
        {"headers": [("a", "b")]},
        {"user": "alice"},
        {"content": 3},
        {"scopes": 3},
        {"path": 5},
    ],
    ids=str,
)
async def test_an_argument_of_a_wrong_kind_is_refused_before_anything_is_sent(wrong):
    service = Script()
    with pytest.raises(InvalidCallError) as caught:
        await downstream(service).get_for_user("api", **wrong)
    assert caught.value.code == "invalid_argument"
    assert not service.requests


async def late(options):
    options.relative_path = "x"


async def test_an_asynchronous_function_for_options_is_refused_and_ended():
    service = Script()
    futures = []

    def handing_on(options):
        futures.append(asyncio.ensure_future(late(options)))
        return futures[0]

    for function in (late, handing_on):
        with pytest.raises(InvalidCallError, match="plain function") as caught:
            await downstream(service).get_for_user("api", options=function)
        assert caught.value.code == "options_value"

    gc.collect()  # a coroutine left alone would warn now
    await asyncio.sleep(0)
    assert futures[0].cancelled()
    assert not service.requests


UNDEFINED = list["NobodyDefinesThis"]  # noqa: F821 - so it must end in an error


@pytest.mark.parametrize("model", [5, "Model", "", {}, [3], object(), UNDEFINED])
async def test_a_model_that_cannot_be_is_refused_before_anything_is_sent(model):
    service = Script()
    with pytest.raises(InvalidCallError, match="response_model"):
        await downstream(service).post_for_user("api", response_model=model)
    assert not service.requests


@pytest.mark.parametrize("argument", [{"path": "x" * 70_000}, {"params": {"n": 10**5_000}}])
async def test_a_url_that_cannot_be_written_is_refused(argument):
    service = Script()
    with pytest.raises(InvalidCallError):
        await downstream(service).get_for_user("api", **argument)
    assert not service.requests


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": [3]},
        {"session_key": 3},
        {"params": {3: "a"}},
        {"params": {"a": b"x"}},
        {"params": {"a": object()}},
    ],
)
async def test_what_stands_inside_of_an_argument_is_looked_at_too(wrong):
    service = Script()
    with pytest.raises(InvalidCallError, match="takes str") as caught:
        await downstream(service).get_for_user("api", **wrong)
    assert caught.value.code == "invalid_argument"
    assert not service.requests


@pytest.mark.parametrize("name", ["timeout", "connect_timeout", "read_timeout"])
@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, 10**400])
async def test_a_timeout_that_no_clock_can_keep_is_refused_by_its_name(name, seconds):
    service = Script()
    with pytest.raises(InvalidCallError, match=f"^{name} is no positive") as caught:
        await downstream(service).get_for_user("api", **{name: seconds})
    assert caught.value.code == "invalid_timeout"
    assert not service.requests
