"""Who calls: the validated claims of a token, and the token itself for an exchange."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

from msidweb.encoding import encode_base64url

# A copy of an empty hash is a quarter cheaper than a new one, and this is done at every request.
_EMPTY = hashlib.sha256()
_USER_NAMES = ("preferred_username", "upn", "unique_name")


def fingerprint(token: bytes) -> bytes:
    """SHA-256 over the raw *token*."""
    hashing = _EMPTY.copy()
    hashing.update(token)
    return hashing.digest()


def digest_of(mark: bytes) -> str:
    """A fingerprint as base64url: .NET's on-behalf-of cache key."""
    return encode_base64url(mark)


class Assertion:
    """The caller's own token, kept for an on-behalf-of exchange; never shown.

    Args:
        token: It.
        digest: Its fingerprint as base64url, from one who has that already.
    """

    __slots__ = ("_raw", "digest")

    def __init__(self, token: str | bytes, digest: str | None = None) -> None:
        self._raw = token if isinstance(token, bytes) else token.encode()
        self.digest = digest_of(fingerprint(self._raw)) if digest is None else digest

    @property
    def token(self) -> str:
        """The token's text; few requests need it, as most exchanges are in the cache."""
        return self._raw.decode()

    def __repr__(self) -> str:
        return "Assertion(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("An assertion is not written out by pickle.")


class _Draft:
    """What becomes a principal; its attributes can be assigned, faster than by descriptors."""

    __slots__ = (
        "_claims",
        "_shown",
        "assertion",
        "client_id",
        "expires_at",
        "is_app",
        "object_id",
        "roles",
        "scheme",
        "scopes",
        "tenant_id",
    )


@final
class Principal(_Draft):
    """A caller whose token was validated.

    Nothing of it can be assigned, and what is done to the lists in ``claims`` reaches no other
    principal. Decisions belong on ``tenant_id``, ``object_id``, ``scopes`` and ``roles``; names in
    the claims can be changed by their owner.

    Attributes:
        scheme: Name of the authentication scheme that validated the token.
        tenant_id: ``tid``.
        object_id: ``oid``, or None where the token has none.
        client_id: The calling application: ``azp`` (v2) or ``appid`` (v1).
        scopes: Delegated permissions (``scp``).
        roles: App roles (``roles``).
        is_app: Whether an application calls without a user.
        expires_at: End of the token's life, unix seconds.
        assertion: The token itself for on-behalf-of; hidden in ``repr``.
    """

    __slots__ = ()

    def __init__(
        self,
        claims: Mapping[str, object],
        *,
        tenant_id: str,
        object_id: str | None,
        client_id: str | None,
        scopes: frozenset[str],
        roles: frozenset[str],
        is_app: bool,
        expires_at: float,
        assertion: Assertion | None,
        scheme: str = "Bearer",
    ) -> None:
        _set(self, "__class__", _Draft)
        self._claims: Final[Mapping[str, object]] = dict(claims)
        self._shown: Final[Mapping[str, object] | None] = None
        self.scheme: Final = scheme
        self.tenant_id: Final = tenant_id
        self.object_id: Final = object_id
        self.client_id: Final = client_id
        self.scopes: Final = scopes
        self.roles: Final = roles
        self.is_app: Final = is_app
        self.expires_at: Final = expires_at
        self.assertion: Final = assertion
        _set(self, "__class__", Principal)

    if not TYPE_CHECKING:  # Checkers know what is final, and would let any name be assigned.

        def __setattr__(self, name: str, value: object) -> NoReturn:
            raise AttributeError(f"A principal is read-only: {name} stays as it is.")

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"A principal is read-only: {name} stays as it is.")

    @property
    def claims(self) -> Mapping[str, object]:
        """Every claim under its raw name; a copy of this principal's own."""
        # Made when it is asked for: most requests never look.
        shown = self._shown
        if shown is None:
            shown = MappingProxyType({name: _own(self._claims[name]) for name in self._claims})
            _set(self, "_shown", shown)
        return shown

    @property
    def user_name(self) -> str | None:
        """The name that the user signs in with, None where the token has none; for display only.

        ``preferred_username`` (v2), else ``upn`` or ``unique_name`` (v1).
        """
        names = (self._claims.get(claim) for claim in _USER_NAMES)
        return next((name for name in names if isinstance(name, str) and name), None)

    def with_assertion(self, assertion: Assertion) -> Principal:
        """The same caller with the token of one request; they share nothing that can be changed."""
        other: Any = _new(_Draft)
        other._claims = self._claims  # noqa: SLF001 - of the same class
        other._shown = None  # noqa: SLF001 - of the same class
        other.scheme = self.scheme
        other.tenant_id = self.tenant_id
        other.object_id = self.object_id
        other.client_id = self.client_id
        other.scopes = self.scopes
        other.roles = self.roles
        other.is_app = self.is_app
        other.expires_at = self.expires_at
        other.assertion = assertion
        other.__class__ = Principal
        same: Principal = other
        return same

    def __repr__(self) -> str:
        kind = "app" if self.is_app else "user"
        return f"Principal({kind}, scheme={self.scheme!r}, scopes={sorted(self.scopes)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A principal is not written out by pickle; store a session key instead.")


_new = object.__new__
_set = object.__setattr__


def _own(value: object) -> object:
    if isinstance(value, list):
        return [_own(item) for item in value]
    if isinstance(value, dict):
        return {name: _own(item) for name, item in value.items()}
    return value


class CallerSlot:
    """Holds the caller of one request: None until its token was validated.

    Whatever runs in the request shares the slot, threads and tasks with copied contexts too, so a
    dependency that fills it is seen by the endpoint, and by nobody outside of the request.
    """

    __slots__ = ("principal",)

    def __init__(self, principal: Principal | None = None) -> None:
        self.principal = principal


_ambient: ContextVar[CallerSlot] = ContextVar("msidweb_caller", default=CallerSlot())  # noqa: B039 - only slots made by principal_scope are ever filled


ambient_slot = _ambient.get
"""Gives the slot of the request that this code runs in; for one who asks at every call."""


def ambient_principal() -> Principal | None:
    """The caller of the request that this code runs in, or None.

    Tasks started in a request see its caller too, also after the response has gone.
    """
    return ambient_slot().principal


@contextlib.contextmanager
def principal_scope(principal: Principal | None) -> Iterator[CallerSlot]:
    """Make *principal* the ambient caller inside the ``with`` block, and nobody after it.

    Yields the slot that holds it; an adapter fills an empty one once it knows the caller.
    """
    slot = CallerSlot(principal)
    token = _ambient.set(slot)
    try:
        yield slot
    finally:
        _ambient.reset(token)
