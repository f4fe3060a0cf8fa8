"""Client assertions from an async callable of the application, kept until shortly before their end.

RFC 7523 section 2.2; .NET: CustomSignedAssertion and its provider's cache.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from msidweb.clock import Clock
from msidweb.concurrency import Flight
from msidweb.encoding import EncodingError, decode_base64url, parse_object

from .proof import ClientProof, CredentialUnavailableError, ProofKind

AssertionProvider: TypeAlias = Callable[[str], Awaitable[str]]
"""Given the token endpoint (the assertion's audience), returns a client assertion."""

MARGIN = 300.0
"""Seconds before an assertion's end from which on a new one is asked for."""

DEADLINE = 5.0
"""Seconds that a provider may take (security rule 3.27)."""

MAX_KEPT = 256
"""Assertions kept, one per token endpoint."""


class ProvidedAssertion:
    """Client assertions that the application's own code provides.

    An assertion is asked for once by however many requests wait for it, and kept until five
    minutes before its ``exp``; one without a readable ``exp`` is asked for anew each time.

    Args:
        provider: Async callable that is given the token endpoint.
        clock: Tells when an assertion is too old.
        source: Name of the provider in errors and logs.
    """

    def __init__(
        self, provider: AssertionProvider, *, clock: Clock, source: str = "CustomSignedAssertion"
    ) -> None:
        self.source = source
        self._provider = provider
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._flights: Flight[str] = Flight()

    def __repr__(self) -> str:
        return f"ProvidedAssertion({self.source!r})"

    async def proof(self, token_endpoint: str) -> ClientProof:
        """An assertion for *token_endpoint*, from memory or from the provider.

        Raises:
            CredentialUnavailableError: The provider failed, took too long, or gave no text.
        """
        kept = self._kept.get(token_endpoint)
        if kept is not None and self._clock.time() < kept[1]:
            return ClientProof(ProofKind.ASSERTION, kept[0])
        assertion = await self._flights.join(token_endpoint, lambda: self._provided(token_endpoint))
        return ClientProof(ProofKind.ASSERTION, assertion)

    def renew(self) -> bool:
        """Forget every assertion, so the next request asks the provider."""
        self._kept.clear()
        return True

    async def _provided(self, token_endpoint: str) -> str:
        try:
            async with asyncio.timeout(DEADLINE):
                assertion = await self._provider(token_endpoint)
        except TimeoutError:
            raise CredentialUnavailableError("the provider did not answer in time") from None
        except Exception as error:  # noqa: BLE001 - foreign code, whose message may hold a secret
            reason = f"the provider raised {type(error).__name__}"
            raise CredentialUnavailableError(reason) from None
        if not isinstance(assertion, str) or not assertion:
            raise CredentialUnavailableError("the provider gave no text")
        self._keep(token_endpoint, assertion)
        return assertion

    def _keep(self, token_endpoint: str, assertion: str) -> None:
        end = _expiry(assertion)
        if end is None:
            return
        self._kept[token_endpoint] = (assertion, end - MARGIN)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)


def _expiry(assertion: str) -> float | None:
    try:
        claims = parse_object(decode_base64url(assertion.split(".")[1]))
    except (IndexError, EncodingError):
        return None
    end = claims.get("exp")
    return float(end) if isinstance(end, int) and not isinstance(end, bool) else None
