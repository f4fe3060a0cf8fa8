"""One token that is wanted: everything that a request for it needs to know."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from msidweb.cache import RequestKey
from msidweb.principal import Assertion, Principal
from msidweb.telemetry import CallerNames, names_of

from .terms import Terms


@dataclass(frozen=True, slots=True)
class Demand:
    """A wanted token.

    Attributes:
        scopes: Scopes as they are sent.
        tenant: Tenant to ask.
        partition: Where the token is kept.
        key: Under which request.
        terms: What the call asks for besides.
        correlation_id: Id of the request.
        user: On whose behalf; None for the application itself.
        assertion: The user's own token; hidden in ``repr``.
        ends: When no exchange of the assertion is tried any more, unix seconds.
    """

    scopes: tuple[str, ...]
    tenant: str
    partition: str = field(repr=False)
    key: RequestKey = field(repr=False)
    terms: Terms
    correlation_id: str
    user: Principal | None = None
    assertion: Assertion | None = field(default=None, repr=False)
    ends: float = float("inf")

    @property
    def flow(self) -> str:
        """``user`` or ``app``, for events."""
        return "app" if self.assertion is None else "user"

    @property
    def names(self) -> CallerNames:
        """What names the caller in events."""
        return {**names_of(self.user), "tenant_id": self.tenant}

    @property
    def flight_key(self) -> Hashable:
        """Calls with equal ones share a request."""
        terms = self.terms
        return (self.partition, self.key, terms.claims, terms.force_refresh, terms.headers)

    @property
    def throttle_key(self) -> Hashable:
        """Calls with equal ones share a Retry-After: one partition, one tenant, one scope set."""
        return (self.partition, self.key)

    @property
    def routing_hint(self) -> str | None:
        """``X-AnchorMailbox``, by which Entra finds the user's region. As .NET sends it."""
        if self.user is None or self.user.object_id is None:
            return None
        return f"oid:{self.user.object_id}@{self.user.tenant_id}"
