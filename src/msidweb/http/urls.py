"""URLs of downstream calls: a base that is checked once, and paths that never leave it.

Security rules 3.15 and 3.B. Messages name the rule; they echo nothing of the URL, whose query or
user information may be secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, unquote

import httpx

from msidweb.errors import InvalidCallError

_Rules: TypeAlias = tuple[tuple[re.Pattern[str], str], ...]

_ANYWHERE: _Rules = (
    (re.compile(r"[\x00-\x1f\x7f]"), "holds a control character"),
    (re.compile(r"\\"), "holds a backslash"),
    (re.compile(r"#"), "holds a fragment ('#')"),
    (re.compile(r"[\ud800-\udfff]"), "holds half of a surrogate pair"),
)
_START: _Rules = (
    (re.compile(r"//"), "starts with '//'"),
    (re.compile(r"[a-z][a-z0-9+.-]*:|/[a-z][a-z0-9+.-]*:/", re.IGNORECASE), "names a scheme"),
    (re.compile(r"@|[^/]*:[^/]*@"), "holds user information"),
)
_PATH: _Rules = (
    (re.compile(r" "), "holds a space, which is written %20"),
    (re.compile(r"%(?![0-9A-Fa-f]{2})"), "holds a '%' that begins no escape"),
)
_DECODED: _Rules = (
    (re.compile(r"[\x00-\x1f\x7f]"), "holds an encoded control character"),
    (re.compile(r"\\"), "holds an encoded backslash"),
)
# "..;" and ".. " are parents as well for some servers.
_DOTS = re.compile(r"(?:^|[/\\])\s*\.{1,2}\s*(?:$|[/\\;?#])")
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)
_UNSAFE_IN_PATH = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:@/%-]+")
_UNSAFE_IN_QUERY = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]+|%(?![0-9A-Fa-f]{2})")

_LONGEST = 65_536
"""Longest URL that httpx takes, characters."""

_BASE = "The base URL"
_RELATIVE = "The relative path"


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """The checked root of an API.

    Attributes:
        text: Normalized URL without a slash at its end.
        allow_encoded_slash: Whether paths below may hold ``%2F``, as OData keys do.
    """

    text: str
    allow_encoded_slash: bool = False

    @classmethod
    def of(cls, text: str, *, allow_encoded_slash: bool = False) -> BaseUrl:
        """The base that *text* names.

        Raises:
            InvalidCallError: It is not absolute, not https (http is for loopback alone), holds
                user information, a query, a fragment or ``..``, or names a link-local or a
                metadata address.
        """
        scheme, separator, rest = text.partition("://")
        if not separator or not scheme:
            raise InvalidCallError(f"{_BASE} is not an absolute URL.")
        _refuse(text, (*_ANYWHERE, *_PATH), _BASE)
        if "?" in text:
            raise InvalidCallError(f"{_BASE} holds a query.")
        path = rest.partition("/")[2]
        _inspect(path, _BASE, allow_encoded_slash=allow_encoded_slash)
        authority = _authority(scheme, rest.partition("/")[0])
        return cls(f"{authority}/{_escape_path(path)}".rstrip("/"), allow_encoded_slash)

    def join(self, relative_path: str = "", query: Mapping[str, str] | None = None) -> str:
        """The URL of *relative_path* below this base, with *query* after any query of its own.

        One leading slash means nothing; an empty path is the base with a slash at its end, as in
        .NET. Names and values of *query* are escaped in full (space ``%20``, plus ``%2B``).

        Raises:
            InvalidCallError: The path could lead elsewhere, or is not well formed.
        """
        _refuse(relative_path, _ANYWHERE, _RELATIVE)
        path, _, own = relative_path.partition("?")
        for pattern, complaint in _START:
            if pattern.match(path):
                raise InvalidCallError(f"{_RELATIVE} {complaint}.")
        _refuse(path, _PATH, _RELATIVE)
        _inspect(path, _RELATIVE, allow_encoded_slash=self.allow_encoded_slash)
        url = f"{self.text}/{_escape_path(path.removeprefix('/'))}"
        if "%" in url:
            self._confirm(url)
        pairs = [_UNSAFE_IN_QUERY.sub(_escape, own)] if own else []
        pairs += [f"{_quoted(name)}={_quoted(value)}" for name, value in (query or {}).items()]
        url = f"{url}?{'&'.join(pairs)}" if pairs else url
        if len(url) > _LONGEST:
            raise InvalidCallError(f"{_RELATIVE} and the query are longer than 65,536 characters.")
        return url

    def _confirm(self, url: str) -> None:
        # A second opinion, by the parser that sends: escapes are where readings differ.
        # No text is known that the rules let through and this refuses.
        ours, theirs = httpx.URL(f"{self.text}/"), httpx.URL(url)
        inside = theirs.raw_path.startswith(ours.raw_path)
        if (ours.scheme, ours.netloc) != (
            theirs.scheme,
            theirs.netloc,
        ) or not inside:  # pragma: no cover
            raise InvalidCallError(f"{_RELATIVE} leads out of the base URL.")


def path(template: str, /, **values: object) -> str:
    """A relative path with *values* quoted into it: ``path("users/{id}/files", id=user_id)``.

    Raises:
        InvalidCallError: A name of the template has no value or an empty one, or a value has no
            place in the template.
    """
    names = set(_PLACE.findall(template))
    if names != set(values):
        odd = ", ".join(sorted(names ^ set(values)))
        raise InvalidCallError(f"Path template and values differ in: {odd}.")
    for name, value in values.items():
        if value is None or not str(value):
            raise InvalidCallError(f"The value of '{name}' in a path is empty.")
    return _PLACE.sub(lambda place: _quoted(str(values[place[1]])), template)


_PLACE = re.compile(r"\{(\w+)\}")


def _refuse(text: str, rules: _Rules, what: str) -> None:
    for pattern, complaint in rules:
        if pattern.search(text):
            raise InvalidCallError(f"{what} {complaint}.")


def _inspect(path: str, what: str, *, allow_encoded_slash: bool) -> None:
    readings = [path]
    if "%" in path:
        try:
            once = unquote(path, errors="strict")
        except UnicodeDecodeError:
            raise InvalidCallError(f"{what} holds escapes that are not UTF-8.") from None
        readings += [once, unquote(once)]
        if not allow_encoded_slash and any(map(_ENCODED_SLASH.search, readings)):
            raise InvalidCallError(f"{what} holds an encoded slash.")
        for reading in readings[1:]:
            _refuse(reading, _DECODED, what)
    if any(map(_DOTS.search, readings)):
        raise InvalidCallError(f"{what} holds a '.' or '..' segment.")


def _authority(scheme: str, authority: str) -> str:
    if "@" in authority:
        raise InvalidCallError(f"{_BASE} holds user information.")
    try:
        url = httpx.URL(f"{scheme.lower()}://{authority}/")
    except httpx.InvalidURL:
        raise InvalidCallError(f"{_BASE} is not a valid URL.") from None
    if url.scheme not in {"http", "https"}:
        raise InvalidCallError(f"{_BASE} is not an https URL.")
    if url.port is not None and not 0 < url.port <= _HIGHEST_PORT:
        raise InvalidCallError(f"{_BASE} has no valid port.")
    loopback = _check_host(url.raw_host.decode("ascii"))
    if url.scheme == "http" and not loopback:
        raise InvalidCallError(f"{_BASE} is plain http to a host that is not loopback.")
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*"
)
_HIGHEST_PORT = 65_535
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def _check_host(host: str) -> bool:
    if ":" not in host and not _NUMERIC.fullmatch(host):
        if not _HOST.fullmatch(host):
            raise InvalidCallError(f"{_BASE} has no valid host.")
        return host == "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # 2130706433 and 0x7f.1 are addresses for a resolver, and none for a reader.
        raise InvalidCallError(f"{_BASE} has an IP address in an unusual form.") from None
    for meant in _meanings(address):
        if meant.is_link_local or meant.is_unspecified or meant in _METADATA:
            raise InvalidCallError(f"{_BASE} is a link-local or metadata address.")
    return address.is_loopback


_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "fd00:ec2::254")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _meanings(address: _Address) -> list[_Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    carried = [address.ipv4_mapped, address.sixtofour]
    if address in _NAT64:
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [address, *(inner for inner in carried if inner is not None)]


def _escape_path(path: str) -> str:
    return _UNSAFE_IN_PATH.sub(_escape, path)


def _escape(match: re.Match[str]) -> str:
    return quote(match[0], safe="")


def _quoted(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise InvalidCallError("A value of the URL holds half of a surrogate pair.") from None
