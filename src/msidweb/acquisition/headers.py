"""Authorization header values, ready to be sent. .NET: IAuthorizationHeaderProvider."""

from __future__ import annotations

from collections.abc import Sequence

from msidweb.configuration.options import AcquireTokenOptions
from msidweb.principal import Principal

from .provider import TokenProvider


class AuthorizationHeaderProvider:
    """Gives the value of an Authorization field for callers that use a client of their own."""

    def __init__(self, acquirer: TokenProvider) -> None:
        self._acquirer = acquirer

    async def create_authorization_header_for_user(
        self,
        scopes: Sequence[str],
        *,
        user: Principal | None = None,
        options: AcquireTokenOptions | None = None,
    ) -> str:
        """``Bearer …`` for a call on behalf of *user*, or of the current caller.

        Raises the errors of :meth:`TokenAcquirer.get_token_for_user`.
        """
        token = await self._acquirer.get_token_for_user(scopes, user=user, options=options)
        return token.header

    async def create_authorization_header_for_app(
        self, scope: str | Sequence[str], *, options: AcquireTokenOptions | None = None
    ) -> str:
        """``Bearer …`` for a call of the application itself.

        Raises the errors of :meth:`TokenAcquirer.get_token_for_app`.
        """
        token = await self._acquirer.get_token_for_app(scope, options=options)
        return token.header
