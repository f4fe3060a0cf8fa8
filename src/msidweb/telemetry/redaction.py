"""Takes tokens and secrets out of whatever is about to be written."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"(authorization|cookie|password|passwd|secret|assertion|access_?token|refresh_?token|id_?token"
    r"|client_?info|api_?key|session_?key|private_?key|connection_?string)",
    re.IGNORECASE,
)
_SECRET_VALUES = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|(?i:\b(?:client_secret|client_assertion|assertion|refresh_token|access_token|id_token|password|code)=)[^&\s\"']+"
)


def redact(text: str) -> str:
    """*text* without anything that has the form of a token or of a secret form field."""
    return _SECRET_VALUES.sub(HIDDEN, text)


def redact_processor(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that hides secrets by the field's name and by the value's form."""
    for name, value in fields.items():
        fields[name] = HIDDEN if _SECRET_NAMES.search(name) else _clean(value)
    return fields


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if _SECRET_NAMES.search(str(key)) else _clean(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(_clean(item) for item in value)
    return value
