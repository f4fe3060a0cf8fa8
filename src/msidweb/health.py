"""How an identity is doing, for readiness probes."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msidweb.container import IdentityContainer

OLD_KEYS = 24 * 3600.0
"""Age of keys that something is wrong with, seconds: they are fetched anew every 12 hours."""

ENDS_SOON = 14 * 24 * 3600.0
"""How long before its end a client certificate is told of, seconds."""


class HealthStatus(enum.StrEnum):
    """What an instance can do. .NET: HealthStatus."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class SchemeHealth:
    """How one authentication scheme is doing.

    Attributes:
        status: ``unhealthy`` while no token can be judged, ``degraded`` with any other reason.
        reasons: What is wrong; names nobody, and holds nothing of a token or a secret.
        keys_age: Seconds since the authority's keys came, or None while they never did.
        keys_failure: Why the last attempt to fetch them failed, or None where it did not.
        credential_expires_in: Seconds until the end of the client certificate shown last, or None
            where none was; negative once it is over.
    """

    status: HealthStatus
    reasons: tuple[str, ...]
    keys_age: float | None
    keys_failure: str | None
    credential_expires_in: float | None


@dataclass(frozen=True, slots=True)
class CacheHealth:
    """What the tokens in memory take.

    Attributes:
        entries: Tokens.
        size: Bytes, about.
        size_limit: Bytes that they may take.
    """

    entries: int
    size: int
    size_limit: int


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How an identity is doing. .NET: HealthReport.

    Attributes:
        status: The gravest of its schemes'.
        schemes: Each authentication scheme by its name.
        token_cache: The tokens in memory.
        requests_under_way: Token requests that callers wait for.
        background_tasks: Renewals and refreshes that nobody waits for.
    """

    status: HealthStatus
    schemes: Mapping[str, SchemeHealth]
    token_cache: CacheHealth
    requests_under_way: int
    background_tasks: int

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON takes it; it identifies no tenant, user or application."""
        return dataclasses.asdict(self)


def health_of(schemes: Sequence[IdentityContainer]) -> HealthReport:
    """The report on *schemes*, the first of which holds what they share."""
    shared = schemes[0]
    each = {container.options().scheme: _scheme_health(container) for container in schemes}
    cache = shared.token_cache()
    return HealthReport(
        status=max((scheme.status for scheme in each.values()), key=_GRAVITY.index),
        schemes=each,
        token_cache=CacheHealth(len(cache), cache.size, cache.size_limit),
        requests_under_way=sum(_requests_under_way(container) for container in schemes),
        background_tasks=len(shared.background()),
    )


_GRAVITY = tuple(HealthStatus)


def _scheme_health(container: IdentityContainer) -> SchemeHealth:
    keys = container.authorities()
    expires_in = _credential_expires_in(container)
    reasons = []
    if keys.age is None:
        reasons.append("The authority's keys are not known yet.")
    elif keys.age >= OLD_KEYS:
        reasons.append("The authority's keys are old.")
    if keys.failure is not None:
        reasons.append(keys.failure)
    if expires_in is not None and expires_in < ENDS_SOON:
        over = expires_in <= 0
        reasons.append(f"The client certificate {'is over' if over else 'ends soon'}.")
    status = HealthStatus.DEGRADED if reasons else HealthStatus.HEALTHY
    if keys.age is None and keys.failure is not None:
        status = HealthStatus.UNHEALTHY
    return SchemeHealth(
        status=status,
        reasons=tuple(reasons),
        keys_age=keys.age,
        keys_failure=keys.failure,
        credential_expires_in=expires_in,
    )


def _credential_expires_in(container: IdentityContainer) -> float | None:
    if not container.options().enable_token_acquisition:
        return None
    not_after = container.credentials().not_after
    return None if not_after is None else not_after - container.clock().time()


def _requests_under_way(container: IdentityContainer) -> int:
    if not container.options().enable_token_acquisition:
        return 0
    return container.scheme_acquirer().requests_under_way
