from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidweb.encoding import EncodingError, decode_base64url, encode_base64url, parse_object


def rule_of(call, value) -> str:
    with pytest.raises(EncodingError) as refusal:
        call(value)
    return refusal.value.rule


@given(st.binary(max_size=64))
def test_base64url_is_read_back(data):
    text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert decode_base64url(text) == data
    assert encode_base64url(data) == text


@pytest.mark.parametrize(
    "text", ["YQ==", "YWJj=", "YW+j", "YW/j", "YW j", "YWJj\n", "YWJjZ", "é", "YW\ud800"]
)
def test_b1_other_signs_padding_and_impossible_lengths_are_refused(text):
    assert rule_of(decode_base64url, text) == "B1"


@pytest.mark.parametrize("text", ["YR", "YWJjYR", "YWJ", "YWJjYWJ"])
def test_b2_stray_bits_at_the_end_are_refused(text):
    changed = text[:-1] + chr(ord(text[-1]) + 1)
    assert "B2" in {rule_of(decode_base64url, one) for one in (text, changed) if not canonical(one)}


def canonical(text: str) -> bool:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text


@given(st.text(alphabet="ABCDwxyz019-_", max_size=12))
def test_base64url_accepts_exactly_the_canonical_texts(text):
    wanted = len(text) % 4 != 1 and canonical(text)
    try:
        decode_base64url(text)
    except EncodingError:
        assert not wanted
    else:
        assert wanted


@pytest.mark.parametrize(
    "data",
    [
        '{"a":1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        rb'{"a":"\ud800"}',
        rb'{"\udfff":1}',
    ],
)
def test_j1_other_encodings_marks_and_half_surrogates_are_refused(data):
    assert rule_of(parse_object, data) == "J1"


@pytest.mark.parametrize("data", [b"", b"[1]", b'"a"', b"{} {}", b"{}x", b"/**/{}", b"{'a':1}"])
def test_j2_anything_but_one_object_is_refused(data):
    assert rule_of(parse_object, data) == "J2"


@pytest.mark.parametrize("data", [b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', rb'{"a":1,"\u0061":2}'])
def test_j3_repeated_members_are_refused(data):
    assert rule_of(parse_object, data) == "J3"


@pytest.mark.parametrize("data", [b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}'])
def test_j4_constants_that_json_does_not_know_are_refused(data):
    assert rule_of(parse_object, data) == "J4"


@pytest.mark.parametrize("data", [b'{"a":' + b"1" * 65 + b"}", b'{"a":1e999}', b'{"a":-1e999}'])
def test_j5_overlong_and_infinite_numbers_are_refused(data):
    assert rule_of(parse_object, data) == "J5"


def test_j5_a_number_of_64_signs_is_read():
    assert parse_object(b'{"a":' + b"1" * 64 + b"}") == {"a": int("1" * 64)}


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_j6_deep_nesting_is_refused_before_it_is_parsed(opening):
    assert rule_of(parse_object, ('{"a":' + opening * 100_000).encode()) == "J6"


def test_j6_64_levels_are_read_and_65_are_not():
    levels = 63
    assert parse_object(('{"a":' + "[" * levels + "]" * levels + "}").encode())
    more = ('{"a":' + "[" * (levels + 1) + "]" * (levels + 1) + "}").encode()
    assert rule_of(parse_object, more) == "J6"


def test_j6_brackets_inside_texts_do_not_nest():
    value = {"a": '[{"\\' * 200, "b": [[1], [2]] * 50}
    assert parse_object(json.dumps(value).encode()) == value


def test_a_flood_of_quotes_is_read_in_linear_time():
    assert rule_of(parse_object, b'{"a":"' + b'\\"' * 500_000 + b"[" * 100) == "J2"


def test_surrogate_pairs_are_text():
    assert parse_object(rb'{"a":"\ud83d\ude00"}') == {"a": "\U0001f600"}
