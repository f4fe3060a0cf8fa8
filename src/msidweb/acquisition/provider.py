"""Whoever hands out tokens: the seam that calls and header values are made against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msidweb.configuration.options import AcquireTokenOptions
from msidweb.principal import Principal
from msidweb.tokens import AcquiredToken


class TokenProvider(Protocol):
    """Whoever hands out the tokens; it writes a generated session key into *options*."""

    async def get_token_for_user(
        self,
        scopes: Sequence[str],
        *,
        user: Principal | None = None,
        options: AcquireTokenOptions | None = None,
    ) -> AcquiredToken:
        """A token of *user*, or of the user of the current request."""

    async def get_token_for_app(
        self, scope: str | Sequence[str], *, options: AcquireTokenOptions | None = None
    ) -> AcquiredToken:
        """A token of the application itself."""
