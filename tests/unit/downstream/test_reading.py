import dataclasses
import json
import traceback
from typing import Annotated

import httpx
import pytest
from pydantic import BaseModel, TypeAdapter
from tests.support.downstream import Script, downstream
from typing_extensions import TypedDict

from msidweb.configuration.options import DownstreamApiOptions
from msidweb.downstream import exchange
from msidweb.errors import DownstreamApiError, InvalidCallError

JSON = "application/json"


class User(BaseModel):
    name: str


class Shape(TypedDict):
    name: str


@dataclasses.dataclass
class Record:
    name: str


async def read(content: bytes | str, content_type: str | None = JSON, **call) -> object:
    headers = {} if content_type is None else {"content-type": content_type}
    body = content.encode() if isinstance(content, str) else content
    answer = httpx.Response(200, headers=headers, content=body)
    return await downstream(Script(answer)).get_for_user("api", **call)


async def unreadable(*answer, **call) -> DownstreamApiError:
    with pytest.raises(DownstreamApiError) as caught:
        await read(*answer, **call)
    assert caught.value.code == "unreadable_answer"
    assert caught.value.status_code == 200
    return caught.value


class Unhashable:
    __hash__ = None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (None, {"name": "a"}),
        (User, User(name="a")),
        (Record, Record("a")),
        (Shape, {"name": "a"}),
        (dict[str, str], {"name": "a"}),
        (TypeAdapter(User | int), User(name="a")),
        (bytes, b'{"name": "a"}'),
        (Annotated[dict[str, str], Unhashable()], {"name": "a"}),
    ],
)
async def test_json_becomes_what_was_asked_for(model, expected):
    assert await read('{"name": "a"}', response_model=model) == expected


@pytest.mark.parametrize("kind", ["application/problem+json", "TEXT/JSON", "a/b+JSON; x=1"])
async def test_every_json_type_is_json(kind):
    assert await read("[1]", kind, response_model=list[int]) == [1]


async def test_json_without_a_content_type_is_not_dropped():
    assert await read('{"name": "a"}', None, response_model=User) == User(name="a")
    assert await read("[1]", None) == [1]


@pytest.mark.parametrize(
    ("kind", "model", "expected"),
    [
        (JSON, None, None),
        (JSON, User, None),
        (JSON, str, None),
        (JSON, bytes, b""),
        (None, None, None),
        (None, User, None),
        (None, str, ""),
        ("text/plain", None, None),
        ("text/plain", str, ""),
        ("image/png", None, None),
        ("image/png", User, None),
    ],
)
async def test_an_empty_body_is_none_or_empty(kind, model, expected):
    assert await read("", kind, response_model=model) == expected


async def test_text_is_text():
    assert await read("plain", "text/plain") == "plain"
    assert await read("plain", "text/plain", response_model=str) == "plain"
    assert await read(b"\xe9", "text/plain; charset=latin-1", response_model=str) == "é"
    assert await read('"a"', JSON, response_model=str) == "a"


async def test_another_type_is_bytes_and_no_model():
    assert await read(b"\x89PNG", "image/png") == b"\x89PNG"
    assert await read(b"\x89PNG", "image/png", response_model=bytes) == b"\x89PNG"
    await unreadable(b"\x89PNG", "image/png", response_model=User)
    await unreadable(b"\x89PNG", "image/png", response_model=str)


async def test_json_in_another_charset_or_with_a_byte_order_mark():
    assert await read(b"\xef\xbb\xbf[1]") == [1]
    utf16 = '{"name": "é"}'.encode("utf-16")
    kind = f"{JSON}; charset=utf-16"
    assert await read(utf16, kind, response_model=User) == User(name="é")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("{", JSON),
        ("<html>the-secret", JSON),
        ("<html>the-secret", None),
        (b"\xff\xfe\x00", JSON),
        (b"\xff", f"{JSON}; charset=utf-16"),
        (b"[1]", f"{JSON}; charset=no-such"),
        ("[" * 100_000, JSON),
        (b"\xff", "text/plain"),
    ],
)
async def test_what_cannot_be_read_is_one_typed_error(content, kind):
    error = await unreadable(content, kind)
    assert "secret" not in str(error)
    assert error.__cause__ is error.__context__ is None
    assert len(error.body) <= 4096


async def test_a_body_of_the_wrong_shape_is_kept_out_of_message_and_traceback():
    error = await unreadable('{"name": ["the-secret"]}', response_model=User)
    assert str(error) == "'api' answered 200 with a body that is no User (name: string_type)"
    assert "the-secret" not in "".join(traceback.format_exception(error))
    assert json.loads(error.body) == {"name": ["the-secret"]}


async def test_keys_of_the_body_that_are_no_plain_names_are_not_told():
    error = await unreadable('{"alice@example.com": "x"}', response_model=dict[str, int])
    assert str(error).endswith("no dict (…: int_parsing)")


async def test_a_long_unreadable_body_is_kept_in_part():
    error = await unreadable("é" * 5000, JSON)
    assert (len(error.body), error.truncated) == (4096, True)


@pytest.mark.parametrize("model", [object(), 3, list[object()]])
async def test_a_model_that_is_none_is_refused(model):
    with pytest.raises(InvalidCallError) as caught:
        await read("[]", response_model=model)
    assert caught.value.code == "response_model"


async def test_the_response_itself_can_be_asked_for():
    response = await read("[1]", response_model=httpx.Response)
    assert response.json() == [1]


async def test_a_deserializer_reads_the_answer():
    options = DownstreamApiOptions(deserializer=lambda response: response.text.upper())
    assert await read("abc", "x/y", options=options, response_model=User) == "ABC"


async def test_a_body_beyond_all_bounds_is_an_error(monkeypatch):
    monkeypatch.setattr(exchange, "MAX_ANSWER", 10)
    with pytest.raises(DownstreamApiError) as caught:
        await read("[" + "1," * 10 + "1]")
    assert caught.value.code == "answer_too_large"
    assert caught.value.truncated
