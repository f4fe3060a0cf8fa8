import inspect

import httpx
import pytest
from tests.support.downstream import Script, Tokens, api_options, downstream

from msidweb.downstream import DownstreamApi, NamedDownstreamApi, TokenProvider
from msidweb.errors import InvalidCallError
from msidweb.telemetry import Event, HeaderDropped

VERBS = ["get", "post", "put", "patch", "delete", "head", "options"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flow", ["user", "app"])
@pytest.mark.parametrize("bound", [False, True])
async def test_each_verb_sends_its_method_with_the_token_of_its_flow(verb, flow, bound):
    service, tokens = Script(httpx.Response(200, json=[1])), Tokens()
    api = downstream(service, {"api": api_options(http_method="TRACE")}, tokens=tokens)
    name = f"{verb}_for_{flow}"
    call = getattr(api.named("api"), name) if bound else getattr(api, name)

    result = await call(*([] if bound else ["api"]), "x", json={"a": 1}, response_model=list[int])

    assert result == [1]
    assert service.requests[0].method == verb.upper()
    assert str(service.requests[0].url) == "https://api.example/v1/x"
    assert service.requests[0].content == b'{"a":1}'
    assert tokens.asked[0].for_app == (flow == "app")


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize(
    ("name", "app_by_options", "for_app"),
    [
        ("call_api", False, False),
        ("call_api", True, True),
        ("call_api_for_user", True, False),
        ("call_api_for_app", False, True),
    ],
)
async def test_a_raw_call_gives_any_answer(name, app_by_options, for_app, bound):
    service = Script(httpx.Response(404, text="gone", headers={"x-a": "1"}))
    options = api_options(http_method="purge", request_app_token=app_by_options)
    tokens = Tokens()
    api = downstream(service, {"api": options}, tokens=tokens)
    method = getattr(api.named("api"), name) if bound else getattr(api, name)

    response = await method(*([] if bound else ["api"]), "x")

    assert (response.status_code, response.text, response.headers["x-a"]) == (404, "gone", "1")
    assert response.request is service.requests[0]
    assert service.requests[0].method == "PURGE"
    assert tokens.asked[0].for_app == for_app


def test_both_faces_offer_the_same_calls_with_the_same_arguments():
    def calls(face: type) -> dict[str, list[str]]:
        named = inspect.getmembers(face, inspect.isfunction)
        return {
            name: [
                parameter for parameter in inspect.signature(call).parameters if parameter != "name"
            ]
            for name, call in named
            if name.endswith(("_for_user", "_for_app", "call_api")) and not name.startswith("_")
        }

    assert calls(DownstreamApi) == calls(NamedDownstreamApi)
    assert len(calls(DownstreamApi)) == 2 * len(VERBS) + 3


async def test_a_named_api_is_always_the_same_object():
    api = downstream(Script(httpx.Response(200)))
    assert api.named("api") is api.named("api")
    assert api.named("api").name == "api"
    assert repr(api.named("api")) == "NamedDownstreamApi('api')"


async def test_an_unknown_name_is_answered_with_the_known_ones_and_the_nearest():
    service = Script(httpx.Response(200))
    api = downstream(service, {"PartnerAPI": api_options(), "GraphAPI": api_options()})
    with pytest.raises(InvalidCallError, match="did you mean 'PartnerAPI'") as caught:
        await api.get_for_user("partnerapi")
    assert "'PartnerAPI', 'GraphAPI'" in str(caught.value)
    assert caught.value.code == "unknown_api"
    with pytest.raises(InvalidCallError, match="known: none"):
        downstream(service, {}).named("x")


@pytest.mark.parametrize(
    "fields",
    [
        {"base_url": None},
        {"base_url": "http://api.example"},
        {"protocol_scheme": "Pop"},
        {"http_method": "G ET"},
        {"extra_header_parameters": {"x-a": "1\r\nx-b: 2"}},
        {"accept_header": "a\nb"},
    ],
)
def test_options_that_cannot_work_are_refused_at_construction(fields):
    with pytest.raises(InvalidCallError):
        downstream(Script(), {"api": api_options(**fields)})


def test_reserved_headers_of_the_configuration_are_reported_once_at_construction():
    heard: list[Event] = []
    options = api_options(extra_header_parameters={"Cookie": "a=b", "Accept": "x/y", "x-a": "1"})
    downstream(Script(), {"api": options}, hooks=[heard.append])
    dropped = {(event.header, event.reason) for event in heard if isinstance(event, HeaderDropped)}
    assert dropped == {("Cookie", "reserved"), ("Accept", "already set")}


async def test_changing_the_configuration_later_changes_nothing():
    service, options = Script(httpx.Response(200)), api_options()
    api = downstream(service, {"api": options})
    options.base_url = "https://evil.example"
    options.scopes.append("x")
    await api.get_for_user("api")
    assert service.requests[0].url.host == "api.example"


def test_the_tests_token_provider_is_one():
    provider: TokenProvider = Tokens()
    assert provider


@pytest.mark.parametrize("name", [None, 3, ["api"], {}])
async def test_a_name_that_is_no_text_is_refused(name):
    with pytest.raises(InvalidCallError, match="the downstream API's name takes text") as caught:
        await downstream(Script()).get_for_user(name)
    assert caught.value.code == "invalid_argument"
