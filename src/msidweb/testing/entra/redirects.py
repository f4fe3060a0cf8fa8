"""Redirect URIs: what may be registered, and which request meets a registration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from msidweb.errors import InvalidCallError

Platform = Literal["web", "spa", "public"]

_LOOPBACK = re.compile(r"(https?://(?:localhost|127\.0\.0\.1))(?::\d{1,5})?(/[^#]*)?", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@&=+%\[\]-]+", re.ASCII)
_ACTIVE = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})


@dataclass(frozen=True, slots=True)
class RedirectUri:
    """A registered redirect URI.

    Attributes:
        uri: The URI; a request names exactly the same. On ``localhost`` and ``127.0.0.1`` the
            port does not count (RFC 8252 section 7.3, as Entra ID has it for every platform).
        platform: ``web`` redeems codes with a credential, ``spa`` from a browser's script,
            ``public`` without either.
    """

    uri: str
    platform: Platform

    @classmethod
    def registered(cls, uri: str, platform: Platform) -> RedirectUri:
        """A registration.

        Raises:
            InvalidCallError: No such platform, or Entra ID would not let the URI be registered.
        """
        if platform not in get_args(Platform):
            raise InvalidCallError(f"{platform!r} is no platform: {', '.join(get_args(Platform))}.")
        if not _PLAIN.fullmatch(uri) or not _may_be_registered(uri, platform):
            raise InvalidCallError(f"{uri!r} cannot be a redirect URI of platform {platform!r}.")
        return cls(uri, platform)

    def matches(self, asked: str) -> bool:
        """Whether a request may name *asked*."""
        if asked == self.uri:
            return True
        ours, theirs = _LOOPBACK.fullmatch(self.uri), _LOOPBACK.fullmatch(asked)
        if ours is None or theirs is None:
            return False
        return (ours[1], ours[2] or "/") == (theirs[1], theirs[2] or "/")


def find_redirect(registered: Iterable[RedirectUri], asked: str) -> RedirectUri | None:
    """The registration that a request meets."""
    return next((redirect for redirect in registered if redirect.matches(asked)), None)


def source_of(uri: str) -> str:
    """A registered URI as a source of a Content-Security-Policy: its origin, or its scheme."""
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"


def _may_be_registered(uri: str, platform: Platform) -> bool:
    scheme = uri.partition(":")[0].lower()
    if scheme == "https" or _LOOPBACK.fullmatch(uri):
        return True
    return platform == "public" and scheme not in _ACTIVE | {"http"}
