"""A downstream API, or whoever stands in its place, that wants to occupy or confuse the caller."""

import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.downstream import Script, Tokens, downstream

from msidweb.errors import DownstreamApiError
from msidweb.http import read_bounded


class _Endless(httpx.AsyncByteStream):
    """A packed body that is whole, and goes on with what unpacks to nothing."""

    def __init__(self, packed: bytes) -> None:
        self.sent = 0
        self._packed = packed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._packed
        while self.sent < 100:
            self.sent += 1
            yield bytes(1024)


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_what_follows_a_packed_body_is_not_hoarded(coding, pack):
    stream = _Endless(pack(b"{}"))
    response = httpx.Response(
        200,
        headers={"Content-Encoding": coding},
        stream=stream,
        request=httpx.Request("GET", "https://api.example/"),
    )
    with pytest.raises(httpx.DecodingError):
        await read_bounded(response, limit=1_000)
    assert stream.sent == 1


CODECS = ["undefined", "idna", "punycode", "PUNYCODE", "raw_unicode_escape", "zlib", "rot13"]


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("charset", CODECS)
async def test_a_charset_that_is_none_gives_a_typed_error_and_no_work(charset, status):
    answer = httpx.Response(
        status,
        headers={"Content-Type": f"text/plain; charset={charset}"},
        content=b"abc-" + b"a0" * 2_000,
    )
    with pytest.raises(DownstreamApiError) as error:
        await downstream(Script(answer)).get_for_user("api", response_model=str)
    assert error.value.status_code == status
    assert error.value.body.startswith("abc-a0")


async def test_claims_that_no_token_request_can_carry_leave_the_401_as_it_is():
    challenge = 'Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOjF9"'
    tokens = Tokens()
    api = downstream(
        Script(httpx.Response(401, headers={"WWW-Authenticate": challenge})), tokens=tokens
    )
    with pytest.raises(DownstreamApiError) as error:
        await api.get_for_user("api")
    assert error.value.status_code == 401
    assert len(tokens.asked) == 1
