"""Client assertions from a callable of the application.

RFC 7523 section 2.2; .NET: CustomSignedAssertion and its provider's cache.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from msidweb.clock import Clock
from msidweb.configuration import CredentialDescription
from msidweb.configuration.spelling import did_you_mean
from msidweb.errors import Problem

from .kept import KeptAssertions
from .proof import AssertionRequest, ClientProof, CredentialUnavailableError, ProofKind
from .slow_source import SlowSource
from .surroundings import AssertionProvider, Surroundings

DEADLINE = 5.0
"""Seconds that a provider may take (security rule 3.27)."""


class ProvidedAssertion:
    """Client assertions that the application's own code provides.

    An assertion is asked for once by however many requests wait for it, and kept until five
    minutes before its ``exp``; one without a readable ``exp`` is asked for anew each time.

    Args:
        provider: Callable that is given the request; one that is no coroutine function runs in a
            thread, one at a time.
        clock: Tells when an assertion is too old.
        source: Name of the provider in errors and logs.
        data: Handed to the provider with each request.
    """

    def __init__(
        self,
        provider: AssertionProvider,
        *,
        clock: Clock,
        source: str = "CustomSignedAssertion",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.source = source
        self._provider = provider
        self._clock = clock
        # A request without a place: it hides the data, and ``vars`` of this object does, too.
        self._request = AssertionRequest("", "", data or {})
        self._kept = KeptAssertions(clock)
        self._plain: SlowSource[object] = SlowSource(clock)

    def __repr__(self) -> str:
        return f"ProvidedAssertion({self.source!r})"

    async def proof(self, request: AssertionRequest) -> ClientProof:
        """An assertion for *request*, from memory or from the provider.

        Raises:
            CredentialUnavailableError: The provider failed, took too long, or gave no text.
        """
        key = (request.token_endpoint, request.client_id)
        assertion = await self._kept.get(key, lambda: self._provided(request))
        return ClientProof(ProofKind.ASSERTION, assertion)

    async def renew(self, refused: ClientProof) -> bool:  # noqa: ARG002 - the seam's
        """Forget every assertion, so the next request asks the provider."""
        self._kept = KeptAssertions(self._clock)
        return True

    async def _provided(self, request: AssertionRequest) -> str:
        request = dataclasses.replace(request, data=self._request.data)
        try:
            assertion = await self._asked(request)
        except TimeoutError:
            raise CredentialUnavailableError("the provider did not answer in time") from None
        except Exception as error:  # noqa: BLE001 - foreign code, whose message may hold a secret
            reason = f"the provider raised {type(error).__name__}"
            raise CredentialUnavailableError(reason) from None
        if not isinstance(assertion, str) or not assertion:
            raise CredentialUnavailableError("the provider gave no text")
        return assertion

    async def _asked(self, request: AssertionRequest) -> object:
        provider = self._provider
        if any(map(inspect.iscoroutinefunction, (provider, type(provider).__call__))):
            given: object = provider(request)
        else:
            # What a plain function returns may be awaitable, on this loop and once.
            key = (request.token_endpoint, request.client_id, asyncio.get_running_loop())
            given = await self._plain.ask(key, lambda: provider(request), deadline=DEADLINE)
        if not inspect.isawaitable(given):
            return given
        async with asyncio.timeout(DEADLINE):
            return await given


def load_provider(
    description: CredentialDescription, surroundings: Surroundings, *, place: str
) -> ProvidedAssertion | Problem:
    """The registered provider that *description* names. .NET: IDW10112, IDW10113, IDW10114."""
    name = description.custom_signed_assertion_provider_name
    place = f"{place}:CustomSignedAssertionProviderName"
    if name is None:
        return Problem(place, "is missing")
    provider = surroundings.providers.get(name)
    if provider is None:
        near = did_you_mean(name, surroundings.providers)
        hint = f"register it: add_signed_assertion_provider({name!r}, …)"
        return Problem(place, f"no assertion provider is called {name!r}{near}", hint)
    return ProvidedAssertion(
        provider,
        clock=surroundings.clock,
        source=f"CustomSignedAssertion {name}",
        data=description.custom_signed_assertion_provider_data,
    )
