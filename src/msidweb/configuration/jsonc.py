"""JSON with comments and trailing commas, as Visual Studio and .NET write and read it."""

from __future__ import annotations

import codecs
import json
import re
from typing import NoReturn

from msidweb.errors import Problem

_STRING = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"(?s:(?P<kept>{_STRING})|//[^\r\n]*|/\*.*?\*/)")
_COMMA = re.compile(rf"(?s:(?P<kept>{_STRING}|[\[{{:,]\s*,)|,(?=\s*[\]}}]))")


class Pairs(list[tuple[str, object]]):
    """A JSON object with its members in order, repeated names included."""


def strip(text: str) -> str:
    """*text* as plain JSON: comments and trailing commas are blanks, line and column are kept."""
    return _COMMA.sub(_blank, _COMMENT.sub(_blank, text))


def parse(data: bytes, *, name: str, problems: list[Problem]) -> Pairs | None:
    """The object that *data* holds; numbers keep their text, as in .NET.

    What is wrong goes to *problems* as file, line and column, never with any content. UTF-8 with
    or without a mark, and UTF-16 with one.
    """
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None
    try:
        text = data.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(Problem(f"{name}: line {line}", "is not UTF-8 text"))
        return None
    try:
        value = _DECODER.decode(strip(text))
    except json.JSONDecodeError as error:
        place = f"{name}: line {error.lineno}, column {error.colno}"
        problems.append(Problem(place, "is not JSON", error.msg.partition(":")[0]))
        return None
    except (ValueError, RecursionError):
        problems.append(Problem(name, "is not JSON that a configuration could be"))
        return None
    if isinstance(value, Pairs):
        return value
    problems.append(Problem(f"{name}: line 1", "must hold one JSON object"))
    return None


def _blank(match: re.Match[str]) -> str:
    kept = match["kept"]
    return re.sub(r"[^\r\n]", " ", match[0]) if kept is None else kept


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)
