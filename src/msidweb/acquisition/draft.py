"""A token request that is about to be sent, as the application sees it and adds to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from msidweb.errors import InvalidCallError
from msidweb.http import guard_headers

from .demand import Demand
from .terms import OURS


@dataclass(slots=True)
class TokenRequestDraft:
    """What ``on_before_token_request`` is called with; headers put into it are sent along.

    The form, its secrets and the query are not here: what changes a token belongs into
    :class:`AcquireTokenOptions`, where the cache sees it.

    Attributes:
        flow: ``user`` or ``app``.
        scopes: Scopes that are asked for.
        tenant: Tenant that is asked.
        correlation_id: Sent as ``client-request-id``.
        headers: Headers to add; a name that the request has already is an error.
    """

    flow: str
    scopes: tuple[str, ...]
    tenant: str
    correlation_id: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, demand: Demand) -> TokenRequestDraft:
        """The draft of the request for *demand*."""
        return cls(demand.flow, demand.scopes, demand.tenant, demand.correlation_id)

    def added(self, taken: Iterable[str]) -> dict[str, str]:
        """The headers to add to those that are *taken*.

        Raises:
            InvalidCallError: One is reserved, taken or malformed.
        """
        names = OURS | {name.lower() for name in taken}
        allowed, dropped = guard_headers(self.headers, taken=names)
        if dropped:
            header = dropped[0]
            msg = f"on_before_token_request gave the header {header.name!r}: {header.reason}."
            raise InvalidCallError(msg, code="customized_token_request")
        return allowed
