"""What an identity offers to code that blocks: ``identity.blocking``."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from msidweb.acquisition import AuthorizationHeaderProvider
from msidweb.acquisition.provider import TokenProvider
from msidweb.concurrency import Guest, Portal
from msidweb.downstream import DownstreamApi
from msidweb.validation import TokenValidator

from .downstream import BlockingDownstreamApi
from .tokens import (
    BlockingAuthorizationHeaderProvider,
    BlockingTokenAcquirer,
    BlockingTokenValidator,
)


class AsyncScheme(Protocol):
    """One of its authentication schemes."""

    @property
    def token_validator(self) -> TokenValidator:
        """Validates its callers."""

    @property
    def token_acquirer(self) -> TokenProvider:
        """Acquires tokens with its client."""


class AsyncIdentity(Guest, Protocol):
    """The identity whose calls are made."""

    def scheme(self, name: str | None = None) -> AsyncScheme:
        """The authentication scheme *name*, or the default one."""

    @property
    def token_validator(self) -> TokenValidator:
        """Validates callers."""

    @property
    def token_acquirer(self) -> TokenProvider:
        """Acquires tokens."""

    @property
    def authorization_header_provider(self) -> AuthorizationHeaderProvider:
        """Makes Authorization values."""

    @property
    def downstream_api(self) -> DownstreamApi:
        """Calls downstream APIs."""


class BlockingIdentityScheme:
    """The calls of one authentication scheme."""

    def __init__(self, scheme: AsyncScheme, portal: Portal) -> None:
        self._scheme = scheme
        self._portal = portal

    @property
    def token_validator(self) -> BlockingTokenValidator:
        """Turns an Authorization field into a principal of this scheme."""
        return BlockingTokenValidator(self._scheme.token_validator, self._portal)

    @property
    def token_acquirer(self) -> BlockingTokenAcquirer:
        """Acquires tokens with this scheme's client.

        Raises:
            InvalidCallError: Token acquisition was not enabled for this scheme.
        """
        return BlockingTokenAcquirer(self._scheme.token_acquirer, self._portal)


class BlockingIdentity:
    """The identity's calls for ``def`` endpoints, task queues, scripts and notebooks.

    A call runs on the application's event loop where the identity is open on one, else on a loop in
    the background, which the process has one of. The user is the one passed, or the ambient caller
    of the calling thread. On the thread of an event loop a call is refused, as it would wait for
    itself.

    What was opened in the background is closed by :meth:`close`, by ``with``, or when the
    interpreter ends.
    """

    def __init__(self, identity: AsyncIdentity, portal: Portal) -> None:
        self._identity = identity
        self._portal = portal

    def scheme(self, name: str | None = None) -> BlockingIdentityScheme:
        """The authentication scheme *name*, or the default one.

        Raises:
            InvalidCallError: There is none; the error names those there are.
        """
        return BlockingIdentityScheme(self._identity.scheme(name), self._portal)

    @property
    def token_validator(self) -> BlockingTokenValidator:
        """Turns an Authorization field into a principal, by the default scheme."""
        return BlockingTokenValidator(self._identity.token_validator, self._portal)

    @property
    def token_acquirer(self) -> BlockingTokenAcquirer:
        """Acquires tokens for the user and for the application.

        Raises:
            InvalidCallError: Token acquisition was not enabled.
        """
        return BlockingTokenAcquirer(self._identity.token_acquirer, self._portal)

    @property
    def authorization_header_provider(self) -> BlockingAuthorizationHeaderProvider:
        """Makes Authorization values."""
        provider = self._identity.authorization_header_provider
        return BlockingAuthorizationHeaderProvider(provider, self._portal)

    @property
    def downstream_api(self) -> BlockingDownstreamApi:
        """Calls the named downstream APIs."""
        return BlockingDownstreamApi(self._identity.downstream_api, self._portal)

    def close(self) -> None:
        """Close the identity on the background loop; calls under way there come to an end.

        The next call opens it again. An application that opened the identity closes it itself.

        Raises:
            InvalidCallError: This is the thread of an event loop.
        """
        self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
