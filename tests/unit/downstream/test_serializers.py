import asyncio

import httpx
import pytest
from tests.support.downstream import Script, api_options, downstream
from tests.support.raw_server import raw_server
from tests.unit.downstream.test_transports import answer_everything

from msidweb.configuration.options import DownstreamApiOptions
from msidweb.errors import DownstreamApiError, InvalidCallError

CSV = "text/csv; charset=utf-8"


def to_csv(rows):
    return "\n".join(",".join(row) for row in rows).encode(), CSV


async def to_csv_later(rows):
    await asyncio.sleep(0)
    return to_csv(rows)


def from_csv(response):
    return [line.split(",") for line in response.text.splitlines()]


async def from_csv_later(response):
    await asyncio.sleep(0)
    return from_csv(response)


def service() -> Script:
    return Script(httpx.Response(200, text="a,b", headers={"content-type": "text/csv"}))


@pytest.mark.parametrize("serializer", [to_csv, to_csv_later])
@pytest.mark.parametrize("deserializer", [from_csv, from_csv_later])
@pytest.mark.parametrize("where", ["call", "api", "override"])
async def test_both_are_given_to_a_call_or_an_api_and_may_be_async(serializer, deserializer, where):
    api, functions = service(), {"serializer": serializer, "deserializer": deserializer}
    configured = functions if where == "api" else {}
    called = {
        "call": functions,
        "api": {},
        "override": {"options": DownstreamApiOptions(**functions)},
    }
    rows = await downstream(api, {"api": api_options(**configured)}).post_for_user(
        "api", json=[["x", "y"]], **called[where]
    )
    assert rows == [["a", "b"]]
    assert api.requests[0].content == b"x,y"
    assert api.requests[0].headers["content-type"] == CSV


async def test_those_of_a_call_win_over_those_of_the_api():
    api = service()
    functions = {"serializer": lambda _: b"other", "deserializer": lambda _: "other"}
    rows = await downstream(api, {"api": api_options(**functions)}).post_for_user(
        "api", json=[["x"]], serializer=to_csv, deserializer=from_csv
    )
    assert (rows, api.requests[0].content) == ([["a", "b"]], b"x")


@pytest.mark.parametrize(
    ("made", "body", "content_type"),
    [
        (b"x", b"x", "application/xml"),
        ("ä", "ä".encode(), "application/xml; charset=utf-8"),
        (("ä", "text/plain; charset=latin-1"), b"\xe4", "text/plain; charset=latin-1"),
        ((b"x", None), b"x", None),
        (None, b"", None),
    ],
)
async def test_a_body_alone_is_labelled_as_the_options_say(made, body, content_type):
    api = service()
    options = api_options(content_type="application/xml", serializer=lambda _: made)
    await downstream(api, {"api": options}).call_api("api", json={}, options=as_post)
    assert api.requests[0].content == body
    assert api.requests[0].headers.get("content-type") == content_type


def as_post(options):
    options.http_method = "POST"


@pytest.mark.parametrize("made", [5, ("a", "b", "c"), (5, "text/plain"), (b"x", 5), {"a": 1}])
async def test_anything_else_is_refused(made):
    api = service()
    with pytest.raises(InvalidCallError) as caught:
        await downstream(api).post_for_user("api", json={}, serializer=lambda _: made)
    assert caught.value.code == "serializer_result"
    assert not api.requests


async def test_no_input_is_not_serialized():
    api = service()
    await downstream(api).post_for_user("api", serializer=to_csv)
    assert api.requests[0].content == b""


async def test_what_they_raise_passes_as_it_is():
    def fails(_):
        raise mine

    mine = LookupError("mine")
    for name in ("serializer", "deserializer"):
        with pytest.raises(LookupError) as caught:
            await downstream(service()).post_for_user("api", json={}, **{name: fails})
        assert caught.value is mine


async def test_an_error_status_is_not_deserialized():
    with pytest.raises(DownstreamApiError):
        await downstream(Script(httpx.Response(500))).get_for_user("api", deserializer=pytest.fail)


@pytest.mark.parametrize("name", ["serializer", "deserializer", "customize_request"])
async def test_something_that_is_no_function_is_refused(name):
    with pytest.raises(InvalidCallError) as caught:
        await downstream(service()).post_for_user("api", json={}, **{name: "to_csv"})
    assert str(caught.value) == f"{name} takes a function, not str."


async def test_the_content_type_of_a_call_wins_over_the_options():
    api = service()
    options = {"api": api_options(content_type="application/xml")}
    await downstream(api, options).post_for_user("api", content="<x/>", content_type="text/xml")
    await downstream(api, options).post_for_user("api", content=b"x", content_type="")
    await downstream(api, options).patch_for_user(
        "api", json=[], content_type="application/json-patch+json"
    )
    await downstream(api, options).patch_for_user("api", content_type="text/xml")
    assert [request.headers.get("content-type") for request in api.requests] == [
        "text/xml; charset=utf-8",
        None,
        "application/json-patch+json",
        None,
    ]


@pytest.mark.parametrize(
    "label", ["text/plain\r\nX-Other: 1", "text/plain; charset=utf-8\nX: 1", "ä"]
)
@pytest.mark.parametrize("body", [{"json": 1}, {"content": "x"}, {"content": b"x"}], ids=str)
async def test_a_content_type_is_one_line_of_visible_ascii(label, body):
    api = service()
    with pytest.raises(InvalidCallError):
        await downstream(api).post_for_user("api", content_type=label, **body)
    with pytest.raises(InvalidCallError):
        await downstream(api).post_for_user("api", json=1, serializer=lambda _: (b"x", label))
    assert not api.requests


async def test_both_work_over_sockets(connect):
    async with raw_server(answer_everything) as server:
        api = connect(server.url, api={"serializer": to_csv_later})
        status = await api.post_for_user(
            "api", json=[["x"]], deserializer=lambda response: response.status_code
        )
    assert status == 200
    assert b"content-type: text/csv" in server.heads[0].lower()
