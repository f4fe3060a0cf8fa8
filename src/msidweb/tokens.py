"""Tokens that were acquired for a call to another service."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import NoReturn


class TokenSource(enum.StrEnum):
    """Where a token came from. .NET: TokenSource."""

    IDENTITY_PROVIDER = "identity_provider"
    CACHE = "cache"


class CacheLevel(enum.StrEnum):
    """Which cache answered. .NET: CacheLevel."""

    NONE = "none"
    L1 = "l1"
    L2 = "l2"


class RefreshReason(enum.StrEnum):
    """Why Entra ID was asked. .NET: CacheRefreshReason."""

    NOT_APPLICABLE = "not_applicable"
    FORCED_OR_CLAIMS = "forced_or_claims"
    NO_CACHED_TOKEN = "no_cached_token"  # noqa: S105 - a reason, not a password
    EXPIRED = "expired"
    PROACTIVE = "proactive"


@dataclass(frozen=True, slots=True)
class AcquiredToken:
    """An access token and what is known about it.

    Attributes:
        access_token: The token itself; hidden in ``repr``.
        header: Value for an Authorization field, ``Bearer …``; hidden in ``repr``.
        expires_on: End of its life, unix seconds.
        refresh_on: From when on a new one should be fetched ahead, unix seconds, or None.
        scopes: What was granted.
        tenant_id: Tenant that issued it; hidden in ``repr``, since it may be the user's.
        home_account_id: ``{uid}.{utid}`` of the user, None for an application's token.
        correlation_id: Id of the request that fetched it.
        source: Whether this answer came from Entra ID or from a cache.
        cache_level: Which cache.
        refresh_reason: Why Entra ID was asked.
        token_type: ``Bearer``.
    """

    access_token: str = field(repr=False)
    expires_on: float
    scopes: tuple[str, ...]
    tenant_id: str = field(repr=False)
    refresh_on: float | None = None
    home_account_id: str | None = field(default=None, repr=False)
    correlation_id: str | None = None
    source: TokenSource = TokenSource.IDENTITY_PROVIDER
    cache_level: CacheLevel = CacheLevel.NONE
    refresh_reason: RefreshReason = RefreshReason.NOT_APPLICABLE
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    header: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", f"{self.token_type} {self.access_token}")

    def from_cache(self, level: CacheLevel) -> AcquiredToken:
        """The same token as a later caller gets it from a cache."""
        return replace(
            self,
            source=TokenSource.CACHE,
            cache_level=level,
            refresh_reason=RefreshReason.NOT_APPLICABLE,
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("An acquired token is not written out by pickle.")
