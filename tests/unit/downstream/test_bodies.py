import dataclasses
import json
import math
import uuid
from datetime import UTC, datetime
from typing import TypedDict

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_serializer
from tests.support.downstream import Script, api_options, downstream

from msidweb.configuration.options import DownstreamApiOptions
from msidweb.errors import InvalidCallError


class Model(BaseModel):
    when: datetime = Field(serialization_alias="When")
    part: uuid.UUID | None = None


@dataclasses.dataclass
class Record:
    name: str
    inner: Model


class Shape(TypedDict):
    x: int


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


async def sent(fields=None, **call) -> httpx.Request:
    service = Script(httpx.Response(200))
    api = downstream(service, {"api": api_options(**(fields or {}))})
    await api.post_for_user("api", **call)
    return service.requests[0]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Model(when=NOON), {"When": "2026-01-02T12:00:00Z", "part": None}),
        (
            Record("a", Model(when=NOON)),
            {"name": "a", "inner": {"When": "2026-01-02T12:00:00Z", "part": None}},
        ),
        (Shape(x=1), {"x": 1}),
        ([Model(when=NOON)], [{"When": "2026-01-02T12:00:00Z", "part": None}]),
        ("text", "text"),
        (0, 0),
        (False, False),
        ([], []),
    ],
)
async def test_json_of_models_records_and_plain_values(value, written):
    request = await sent(json=value)
    assert json.loads(request.content) == written
    assert request.headers["content-type"] == "application/json; charset=utf-8"


async def test_nothing_given_is_no_body():
    request = await sent()
    assert request.content == b""
    assert "content-type" not in request.headers
    assert request.headers["content-length"] == "0"


class Failing(BaseModel):
    @model_serializer
    def write(self) -> str:
        raise ValueError("the-secret")


@pytest.mark.parametrize("value", [object(), {"k": object()}, Failing()])
async def test_what_json_cannot_hold_is_refused_and_not_quoted(value):
    with pytest.raises(InvalidCallError) as caught:
        await sent(json=value)
    assert caught.value.code == "json_input"
    assert caught.value.__context__ is None
    assert "secret" not in str(caught.value)


async def test_a_value_that_contains_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidCallError):
        await sent(json=value)


@pytest.mark.parametrize(
    ("content_type", "label", "body"),
    [
        (None, "application/json; charset=utf-8", "é".encode()),
        ("text/csv", "text/csv; charset=utf-8", "é".encode()),
        ("text/csv; charset=latin-1", "text/csv; charset=latin-1", b"\xe9"),
        ("", None, "é".encode()),
    ],
)
async def test_text_is_sent_as_it_is_under_the_content_type(content_type, label, body):
    fields = {} if content_type is None else {"content_type": content_type}
    request = await sent(fields, content="é")
    assert request.headers.get("content-type") == label
    assert request.content == body


@pytest.mark.parametrize("charset", ["ascii", "no-such-charset"])
async def test_text_that_does_not_fit_its_charset_is_refused(charset):
    with pytest.raises(InvalidCallError) as caught:
        await sent({"content_type": f"text/plain; charset={charset}"}, content="é")
    assert caught.value.code == "content_charset"


async def test_bytes_carry_only_a_content_type_that_was_set():
    assert "content-type" not in (await sent(content=b"\x00")).headers
    request = await sent({"content_type": "image/png"}, content=b"\x00")
    assert request.headers["content-type"] == "image/png"


async def test_a_serializer_writes_the_body():
    fields = {"serializer": lambda value: (f"<{value}/>".encode(), "application/xml")}
    request = await sent(fields, json="x")
    assert (request.content, request.headers["content-type"]) == (b"<x/>", "application/xml")


class Writer:
    def __init__(self) -> None:
        self.written: list[object] = []

    def write(self, value: object) -> tuple[bytes, str]:
        self.written.append(value)
        return b"x", "text/plain"


async def test_a_serializer_is_never_copied_with_what_it_belongs_to():
    writer = Writer()
    override = DownstreamApiOptions(accept_header="text/plain")
    await sent({"serializer": writer.write}, json=1, options=override)
    await sent(json=2, options=DownstreamApiOptions(serializer=writer.write))
    assert writer.written == [1, 2]


class Measured(BaseModel):
    size: float
    parts: list[float] = []


class Spelled(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")
    size: float


class Omitted(BaseModel):
    size: float

    @field_serializer("size")
    def write(self, size: float) -> float | None:
        return size if math.isfinite(size) else None


@dataclasses.dataclass
class Sized:
    size: float


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (math.nan, "not finite."),
        (-math.inf, "not finite."),
        ({"a": [1, {"b": math.inf}]}, "not finite at a.1.b."),
        ({"a": None, "b": math.nan}, "not finite at b."),
        ({"alice@contoso.example": math.nan}, "not finite at …."),
        (Measured(size=1, parts=[2, math.nan]), "not finite at parts.1."),
        ([Measured(size=math.inf)], "not finite at 0.size."),
        (Sized(math.nan), "not finite at size."),
    ],
)
async def test_a_number_that_json_has_not_is_refused_and_its_place_told(value, place):
    with pytest.raises(InvalidCallError) as caught:
        await sent(json=value)
    assert caught.value.code == "json_input"
    assert str(caught.value).endswith(place)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Spelled(size=math.nan), {"size": "NaN"}),
        (Omitted(size=math.inf), {"size": None}),
        (
            {"text": "NaN, null or Infinity", "n": None},
            {"text": "NaN, null or Infinity", "n": None},
        ),
        ([None, [None, 1.5], {"a": {}}], [None, [None, 1.5], {"a": {}}]),
    ],
)
async def test_what_a_model_writes_instead_of_such_a_number_and_null_itself_are_sent(
    value, written
):
    assert json.loads((await sent(json=value)).content) == written
