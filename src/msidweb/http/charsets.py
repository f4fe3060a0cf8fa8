"""Bytes read as text in a charset that a stranger names."""

from __future__ import annotations

import codecs

# Python knows these among its text codecs; nobody sends text in them. The first two take quadratic
# time, and "idna" and "undefined" raise errors of their own.
_NO_CHARSETS = frozenset({"punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape"})


def decoded(body: bytes, charset: str) -> str:
    """*body* as text in *charset*.

    Raises:
        LookupError: There is no such charset.
        UnicodeDecodeError: *body* is not in it.
    """
    if "\0" in charset or codecs.lookup(charset).name.replace("_", "-") in _NO_CHARSETS:
        raise LookupError(charset)
    return body.decode(charset)


def readable(body: bytes, charset: str | None) -> str:
    """*body* as text for people, whatever is wrong with it; UTF-8 where *charset* is none."""
    try:
        return decoded(body, charset or "utf-8")
    except LookupError:
        charset = None
    except UnicodeDecodeError:
        pass
    return body.decode(charset or "utf-8", "replace")
