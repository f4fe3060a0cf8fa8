import pytest
from tests.support.certificates import CIPHERS, COUNT, SALT, element, made, pfx_of_rounds

from msidweb.credentials.rounds import rounds_in

ONE = made()


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("rounds", [3_000, 40_000])
def test_the_rounds_of_a_pfx_file_are_told(cipher, rounds):
    assert rounds_in(pfx_of_rounds(rounds, cipher)) == rounds


@pytest.mark.parametrize(
    ("content", "rounds"),
    [
        (element(0x30, SALT, COUNT), 5_000_000),
        (element(0x30, element(0xA0, element(0x30, SALT, COUNT))), 5_000_000),
        (element(0x04, element(0x30, SALT, COUNT)), 5_000_000),
        (element(0x30, COUNT, SALT), 0),
        (element(0x04, SALT, COUNT), 0),
        (element(0x04, b"\x30\x7f"), 0),
        (element(0x30, SALT, COUNT)[:-1], 0),
        (b"\x30\x80" + SALT + COUNT + b"\0\0", 0),
        (b"\x30", 0),
        (b"", 0),
        (b"no DER at all", 0),
    ],
)
def test_a_count_follows_upon_a_salt(content, rounds):
    assert rounds_in(content) == rounds


def test_what_is_nested_without_end_is_left():
    content = element(0x30, SALT, COUNT)
    for _ in range(2_000):
        content = element(0x30, content)
    assert rounds_in(content) == 0


def test_a_certificate_and_a_plain_key_ask_for_none():
    assert rounds_in(ONE.der) == 0
    assert rounds_in(ONE.pfx()) <= 2_048
