"""Content-Type fields, read (RFC 9110 section 8.3)."""

from __future__ import annotations

from email.message import Message


def media_type_of(content_type: str) -> str:
    """Type and subtype, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str) -> str | None:
    """The ``charset`` parameter in lower case, or None."""
    if "charset" not in content_type.lower():
        return None
    field = Message()
    field["content-type"] = content_type
    return field.get_content_charset()


def is_json(media_type: str) -> bool:
    """Whether *media_type* is JSON, by its own name or by the ``+json`` suffix (RFC 6839)."""
    return media_type in _JSON or media_type.endswith("+json")


_JSON = frozenset({"application/json", "text/json"})
