import pytest

from msidweb.errors import InvalidCallError
from msidweb.http import DroppedHeader, guard_headers


@pytest.mark.parametrize(
    "name",
    [
        "Accept",
        "Content-Type",
        "Expect",
        "Set-Cookie",
        "User-Agent",
        "X-Forwarded",
        "X-MS-Client-Request-Id",
        "X-One",
    ],
)
def test_ordinary_headers_pass(name):
    assert guard_headers({name: "1"}) == ({name: "1"}, ())


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "authorization",
        "Connection",
        "Content-Length",
        "COOKIE",
        "Forwarded",
        "Host",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Sec-Fetch-Site",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "X-Forwarded-For",
        "x-forwarded-host",
        "X-MS-CLIENT-PRINCIPAL",
        "X-MS-CLIENT-PRINCIPAL-NAME",
        "X-MS-TOKEN-AAD-ACCESS-TOKEN",
        "X-Original-URL",
        "X-Rewrite-URL",
    ],
)
def test_reserved_headers_are_dropped_in_any_case(name):
    assert guard_headers({name: "1"}) == ({}, (DroppedHeader(name, "reserved"),))


def test_headers_that_the_request_has_are_dropped():
    allowed, dropped = guard_headers({"Accept": "a", "X-One": "1"}, taken={"accept"})
    assert allowed == {"X-One": "1"}
    assert dropped == (DroppedHeader("Accept", "already set"),)


@pytest.mark.parametrize(
    "name", ["", " ", "x y", "x:", "x\r\nx-injected", "ü", "x\x00", "(x)", "Authorization "]
)
def test_a_name_that_is_no_token_is_refused(name):
    with pytest.raises(InvalidCallError, match="not a token") as caught:
        guard_headers({name: "1"})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "value", ["a\r\nx-injected: 1", "a\nb", "a\rb", "a\x00", "a\x7f", "ü", "\u2028", "a\n"]
)
def test_a_value_that_is_not_visible_ascii_is_refused_and_not_shown(value):
    with pytest.raises(InvalidCallError, match="header 'X-One'") as caught:
        guard_headers({"X-One": "canary" + value})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(("value", "sent"), [("", ""), (" a\t", "a"), ("a\tb c", "a\tb c")])
def test_white_space_around_a_value_is_taken_off(value, sent):
    assert guard_headers({"X-One": value})[0] == {"X-One": sent}
