"""What the strict reader takes, every reader takes alike; what is ambiguous, it refuses (J1-J6)."""

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidweb.encoding import EncodingError, decode_base64url, parse_object

PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | PLAIN
LEAVES |= st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3)
)
OBJECTS = st.dictionaries(PLAIN, VALUES, max_size=4)


def rule_of(data: bytes) -> str | None:
    try:
        parse_object(data)
    except EncodingError as error:
        return error.rule
    return None


@given(OBJECTS, st.booleans(), st.sampled_from([None, 0, 2]))
def test_an_object_is_read_as_it_was_written(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert parse_object(text.encode()) == value


@given(st.binary(max_size=40) | st.text(st.sampled_from('{}[]":,\\ue01- \n'), max_size=20))
def test_reading_ends_in_an_object_or_in_a_rule_whatever_it_is_given(data):
    raw = data if isinstance(data, bytes) else data.encode()
    rule = rule_of(raw)

    assert rule in {None, "J1", "J2", "J3", "J4", "J5", "J6"}
    if rule is None:
        assert parse_object(raw) == json.loads(raw)


@given(PLAIN, VALUES, VALUES, st.integers(0, 3))
def test_a_repeated_member_is_refused_at_any_depth_and_in_any_spelling(name, one, two, depth):
    escaped = "".join(f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else sign for sign in name)
    members = f'{json.dumps(name)}:{json.dumps(one)},"{escaped}":{json.dumps(two)}'
    text = f"{{{members}}}"
    for _ in range(depth):
        text = f'{{"in":[{text}]}}'

    assert rule_of(text.encode()) == "J3"


@given(OBJECTS, st.sampled_from([" {}", "x", "\x00", ",", "}", "{}"]))
def test_nothing_may_follow_the_object(value, more):
    assert rule_of((json.dumps(value) + more).encode()) == "J2"


@given(st.integers(1, 200))
def test_depth_is_counted_and_brackets_in_texts_are_not(depth):
    deep = '{"a":' * depth + "1" + "}" * depth

    assert rule_of(deep.encode()) == (None if depth <= 64 else "J6")
    assert rule_of(json.dumps({"a": "[{" * depth + '"'}).encode()) is None


@given(st.integers(0, 1_000), st.integers(0, 9))
def test_numbers_are_bounded(digits, digit):
    literal = "1" + str(digit) * digits

    assert rule_of(f'{{"a":{literal}}}'.encode()) == (None if len(literal) <= 64 else "J5")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_no_json_has_is_refused(value):
    assert rule_of(json.dumps({"a": value}).encode()) == "J4"


@given(st.text(max_size=12) | st.binary(max_size=12))
def test_base64url_ends_in_bytes_or_in_a_rule(text):
    try:
        read = decode_base64url(text)
    except EncodingError:
        return
    written = base64.urlsafe_b64encode(read).rstrip(b"=")
    assert written == (text if isinstance(text, bytes) else text.encode())
