from __future__ import annotations

import pytest
from tests.support.signing import KeyPair, b64, key_pair

from msidweb.authority import KeySet
from msidweb.authority.keys import read_keys
from msidweb.errors import MetadataUnavailableError

GOOD = key_pair("good")


def test_keys_are_read_by_their_id():
    keys = read_keys({"keys": [GOOD.jwk(issuer="https://x/{tenantid}/v2.0")]})
    assert set(keys) == {"good"}
    assert keys["good"].issuer == "https://x/{tenantid}/v2.0"
    assert keys["good"].size == 256


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"kty": "oct", "k": "AAAA"},
        {"use": "enc"},
        {"alg": "RS384"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"kid": ""},
        {"kid": 5},
        {"kid": "k" * 257},
        {"kid": None},
        {"n": 5},
        {"n": "AA=="},
        {"n": None},
        {"issuer": 5},
        {"cloud_instance_name": ["x"]},
    ],
)
def test_k2_odd_members_are_left_out_one_by_one(change):
    odd = {**GOOD.jwk(), "kid": "odd", **change}
    odd = {name: value for name, value in odd.items() if value is not None}
    assert set(read_keys({"keys": [odd, GOOD.jwk(), "text", None]})) == {"good"}


@pytest.mark.parametrize(
    "change", [{"key_ops": ["verify"]}, {"use": None}, {"alg": "RS256"}, {"x5t": "x", "x5c": ["y"]}]
)
def test_k2_members_may_say_that_they_verify(change):
    assert set(read_keys({"keys": [GOOD.jwk(**change)]})) == {"good"}


@pytest.mark.parametrize(
    "numbers",
    [
        {"e": "Aw"},  # 3
        {"e": b64((65_538).to_bytes(3, "big"))},
        {"e": b64((2**32 + 1).to_bytes(5, "big"))},
        {"n": b64((2**2047).to_bytes(256, "big"))},  # even
        {"n": b64((2**20000 + 1).to_bytes(2501, "big"))},
    ],
)
def test_k3_weak_and_absurd_numbers_are_left_out(numbers):
    assert set(read_keys({"keys": [GOOD.jwk(kid="odd", **numbers), GOOD.jwk()]})) == {"good"}


def test_k3_a_key_of_1024_bits_is_left_out():
    with pytest.raises(MetadataUnavailableError, match="no usable"):
        read_keys({"keys": [KeyPair("short", bits=1024).jwk()]})


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": {}}, {"keys": None}])
def test_a_document_without_a_usable_key_is_refused(document):
    with pytest.raises(MetadataUnavailableError, match="no usable"):
        read_keys(document)


def test_one_id_for_two_keys_is_refused_and_a_repeated_key_is_not():
    assert set(read_keys({"keys": [GOOD.jwk(), GOOD.jwk()]})) == {"good"}
    with pytest.raises(MetadataUnavailableError, match="one id to two keys"):
        read_keys({"keys": [GOOD.jwk(), key_pair("other").jwk(kid="good")]})


def test_equal_documents_make_equal_key_sets():
    first, second = (read_keys({"keys": [GOOD.jwk()]}) for _ in range(2))
    assert KeySet(first, "https://x/v2.0") == KeySet(second, "https://x/v2.0")
