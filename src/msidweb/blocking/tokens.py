"""The synchronous twins of those who acquire tokens and validate them.

Their methods wait *timeout* seconds at most; without it, as long as the asynchronous ones do.
"""

from __future__ import annotations

from collections.abc import Sequence

from msidweb.acquisition import AuthorizationHeaderProvider
from msidweb.acquisition.provider import TokenProvider
from msidweb.concurrency import Portal
from msidweb.configuration import AcquireTokenOptions
from msidweb.principal import Principal
from msidweb.tokens import AcquiredToken
from msidweb.validation import TokenValidator


class BlockingTokenAcquirer:
    """Acquires tokens, and waits. Errors are those of :class:`~msidweb.TokenAcquirer`.

    Raises:
        InvalidCallError: Besides what it raises there: this is the thread of an event loop.
        BlockingCallError: The time was over, or the event loop ended during the call.
    """

    def __init__(self, acquirer: TokenProvider, portal: Portal) -> None:
        self._acquirer = acquirer
        self._portal = portal

    def get_token_for_user(
        self,
        scopes: Sequence[str],
        *,
        user: Principal | None = None,
        options: AcquireTokenOptions | None = None,
        timeout: float | None = None,
    ) -> AcquiredToken:
        """A token for *scopes* on behalf of *user*, or of the caller of the current request."""
        return self._portal.call(
            lambda: self._acquirer.get_token_for_user(scopes, user=user, options=options),
            timeout=timeout,
        )

    def get_token_for_app(
        self,
        scope: str | Sequence[str],
        *,
        options: AcquireTokenOptions | None = None,
        timeout: float | None = None,
    ) -> AcquiredToken:
        """A token of the application itself for one API: *scope* is ``{api}/.default``."""
        return self._portal.call(
            lambda: self._acquirer.get_token_for_app(scope, options=options), timeout=timeout
        )


class BlockingAuthorizationHeaderProvider:
    """Gives values of an Authorization field, and waits.

    Errors are those of :class:`BlockingTokenAcquirer`.
    """

    def __init__(self, provider: AuthorizationHeaderProvider, portal: Portal) -> None:
        self._provider = provider
        self._portal = portal

    def create_authorization_header_for_user(
        self,
        scopes: Sequence[str],
        *,
        user: Principal | None = None,
        options: AcquireTokenOptions | None = None,
        timeout: float | None = None,
    ) -> str:
        """``Bearer …`` for a call on behalf of *user*, or of the current caller."""
        create = self._provider.create_authorization_header_for_user
        return self._portal.call(
            lambda: create(scopes, user=user, options=options), timeout=timeout
        )

    def create_authorization_header_for_app(
        self,
        scope: str | Sequence[str],
        *,
        options: AcquireTokenOptions | None = None,
        timeout: float | None = None,
    ) -> str:
        """``Bearer …`` for a call of the application itself."""
        create = self._provider.create_authorization_header_for_app
        return self._portal.call(lambda: create(scope, options=options), timeout=timeout)


class BlockingTokenValidator:
    """Validates access tokens, and waits. Errors are those of :class:`~msidweb.TokenValidator`.

    Raises:
        InvalidCallError: Besides what it raises there: this is the thread of an event loop.
        BlockingCallError: The time was over, or the event loop ended during the call.
    """

    def __init__(self, validator: TokenValidator, portal: Portal) -> None:
        self._validator = validator
        self._portal = portal

    @property
    def scheme(self) -> str:
        """Name of the authentication scheme."""
        return self._validator.scheme

    def validate_authorization(
        self,
        fields: Sequence[bytes | str],
        *,
        query_string: bytes | str = b"",
        timeout: float | None = None,
    ) -> Principal:
        """The caller of a request with these Authorization *fields*, all of them and unchanged."""
        validate = self._validator.validate_authorization
        return self._portal.call(
            lambda: validate(fields, query_string=query_string), timeout=timeout
        )

    def validate(self, token: str, *, timeout: float | None = None) -> Principal:
        """The caller whom *token* names."""
        return self._portal.call(lambda: self._validator.validate(token), timeout=timeout)
