"""The acquirer that serves a call, where an application has several authentication schemes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import NoneType

from msidweb.authority import resolve_authority
from msidweb.configuration.options import AcquireTokenOptions, IdentityOptions, SchemeOptions
from msidweb.configuration.spelling import unknown_name
from msidweb.errors import ConfigurationError, InvalidCallError
from msidweb.kinds import check_kind
from msidweb.principal import Principal, ambient_principal
from msidweb.tokens import AcquiredToken

from .acquirer import TokenAcquirer


class SchemeAcquirer:
    """Hands each call to the acquirer of its scheme.

    A call for a user takes the scheme that validated the user, a call for the application the
    default one, unless ``authentication_options_name`` names another (deliberate difference 39:
    .NET takes the default scheme's credentials for whoever calls).

    Args:
        acquirers: By scheme; None where token acquisition is not enabled.
        default: Name of the default scheme.
    """

    def __init__(self, acquirers: Mapping[str, TokenAcquirer | None], *, default: str) -> None:
        self._acquirers = acquirers
        self._default = default

    async def get_token_for_user(
        self,
        scopes: Sequence[str],
        *,
        user: Principal | None = None,
        options: AcquireTokenOptions | None = None,
    ) -> AcquiredToken:
        """As :meth:`TokenAcquirer.get_token_for_user`.

        Raises:
            InvalidCallError: Besides, there is no such scheme, it acquires no tokens, or the user's
                token was issued for another client than the scheme's; nothing was sent.
        """
        check_kind("user", user, Principal, NoneType)
        principal = ambient_principal() if user is None else user
        usual = self._default if principal is None else principal.scheme
        acquirer = self._acquirer(options, usual=usual)
        return await acquirer.get_token_for_user(scopes, user=principal, options=options)

    async def get_token_for_app(
        self, scope: str | Sequence[str], *, options: AcquireTokenOptions | None = None
    ) -> AcquiredToken:
        """As :meth:`TokenAcquirer.get_token_for_app`.

        Raises:
            InvalidCallError: Besides, there is no such scheme, or it acquires no tokens.
        """
        acquirer = self._acquirer(options, usual=self._default)
        return await acquirer.get_token_for_app(scope, options=options)

    def _acquirer(self, options: AcquireTokenOptions | None, *, usual: str) -> TokenAcquirer:
        check_kind("options", options, AcquireTokenOptions, NoneType)
        named = None if options is None else options.authentication_options_name
        scheme = named or usual
        if scheme not in self._acquirers:
            raise unknown_name(
                "authentication scheme", scheme, self._acquirers, code="unknown_scheme"
            )
        acquirer = self._acquirers[scheme]
        if acquirer is None:
            raise acquires_nothing(scheme)
        return acquirer


def acquires_nothing(name: str) -> InvalidCallError:
    """That the scheme *name* validates and no more."""
    return InvalidCallError(
        f"The authentication scheme {name!r} acquires no tokens.",
        code="scheme_without_acquisition",
        remedy="call enable_token_acquisition() after adding it",
    )


def schemes_of_client(scheme: str, options: IdentityOptions) -> frozenset[str]:
    """The schemes whose callers have tokens for the same client as those of *scheme*."""
    known = options.all_schemes
    client = _client(known[scheme])
    return frozenset(
        {scheme, *(name for name in known if client and _client(known[name]) == client)}
    )


def _client(options: SchemeOptions) -> tuple[str, str] | None:
    """Client id and cloud, or None where they cannot be told; the build says why."""
    if not options.web_api.client_id:
        return None
    with contextlib.suppress(ConfigurationError):
        cloud = resolve_authority(options.web_api).cache_environment
        return options.web_api.client_id.lower(), cloud
    return None
