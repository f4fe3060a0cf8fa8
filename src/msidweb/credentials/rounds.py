"""How many rounds a password goes through, known before they are done."""

from __future__ import annotations

from collections.abc import Iterator

MAX_ROUNDS = 1_000_000
"""Most rounds that are done; the interpreter stands still meanwhile. OpenSSL writes 2,048."""

_INTEGER, _OCTETS, _SEQUENCE, _CONSTRUCTED = 0x02, 0x04, 0x30, 0x20
_DEPTH = 24


def rounds_in(content: bytes) -> int:
    """The most rounds that *content* asks for, in DER: PKCS#12 (RFC 7292) or PKCS#8 (RFC 5958).

    What is encrypted itself cannot be told, nor BER's indefinite lengths: it counts as 0.
    """
    try:
        return max(_counts(memoryview(content), _DEPTH), default=0)
    except ValueError:
        return 0


def _counts(content: memoryview, depth: int) -> Iterator[int]:
    # MacData, pkcs-12PbeParams, PBKDF2-params and scrypt-params: a count follows upon a salt.
    if depth == 0:
        return
    before = None
    for tag, value in _elements(content):
        if tag == _INTEGER and before == _OCTETS:
            yield int.from_bytes(value, "big")
        elif tag & _CONSTRUCTED or (tag == _OCTETS and _is_sequence(value)):
            yield from _counts(value, depth - 1)
        before = tag


def _is_sequence(content: memoryview) -> bool:
    try:
        return [tag for tag, _ in _elements(content)] == [_SEQUENCE]
    except ValueError:
        return False


def _elements(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Tag and value of each element; ValueError where it is no DER."""
    while content:
        start, length = 2, content[1] if len(content) > 1 else 0x80
        if length & 0x80:
            start += length & 0x7F
            if start == 2:  # noqa: PLR2004 - tag and length, of which the latter is not given
                raise ValueError("no definite length")
            length = int.from_bytes(content[2:start], "big")
        if start + length > len(content):
            raise ValueError("too short")
        yield content[0], content[start : start + length]
        content = content[start + length :]
