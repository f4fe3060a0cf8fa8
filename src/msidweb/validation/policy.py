"""What a token must be to be accepted, frozen at build."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msidweb.authority import Authority
from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.errors import ConfigurationError, Problem

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ValidationPolicy:
    """The rules of one authentication scheme.

    Attributes:
        authority: Who must have issued the token.
        client_id: The API's client id.
        scheme: Name of the authentication scheme.
        audiences: Accepted ``aud`` values; empty: the client id for v2 tokens and
            ``api://{client_id}`` for v1 tokens.
        issuers: Issuers accepted besides the authority's; may hold ``{tenantid}``.
        tenants: Tenants accepted, lower case; empty: all of the authority's.
        clock_skew: Seconds that clocks may differ.
        longest_token: Bytes.
        trusted_clients: Clients that may call with neither scope nor role.
        user_roles_suffice: Whether a user's app roles count without a scope (P4).
    """

    authority: Authority
    client_id: str
    scheme: str = "Bearer"
    audiences: frozenset[str] = _NONE
    issuers: frozenset[str] = _NONE
    tenants: frozenset[str] = _NONE
    clock_skew: float = 300.0
    longest_token: int = 65_536
    trusted_clients: frozenset[str] = _NONE
    user_roles_suffice: bool = False

    @classmethod
    def of(
        cls,
        options: MicrosoftIdentityOptions,
        authority: Authority,
        *,
        scheme: str = "Bearer",
        place: str = "AzureAd",
    ) -> ValidationPolicy:
        """The policy that *options* describe.

        AllowWebApiToBeAuthorizedByACL has an effect together with AllowedClientApplications only:
        alone it would let every application of the tenant in (P1).

        Raises:
            ConfigurationError: There is no client id.
        """
        if not options.client_id:
            raise ConfigurationError([Problem(f"{place}:ClientId", "is missing")])
        parameters = options.token_validation_parameters
        by_acl = options.allow_web_api_to_be_authorized_by_acl
        return cls(
            authority=authority,
            client_id=options.client_id,
            scheme=scheme,
            audiences=_union(
                options.audience,
                options.audiences,
                parameters.valid_audience,
                parameters.valid_audiences,
            ),
            issuers=_union(parameters.valid_issuer, parameters.valid_issuers),
            tenants=frozenset(tenant.lower() for tenant in options.allowed_tenants or ()),
            clock_skew=parameters.clock_skew,
            longest_token=options.maximum_token_size,
            trusted_clients=_union(None, options.allowed_client_applications) if by_acl else _NONE,
            user_roles_suffice=options.allow_user_roles_without_scope,
        )

    def audiences_for(self, version: object) -> frozenset[str]:
        """The accepted ``aud`` values of a token whose ``ver`` is *version*."""
        if self.audiences:
            return self.audiences
        if version == "2.0":
            return frozenset({self.client_id})
        return frozenset({f"api://{self.client_id}"}) if version == "1.0" else _NONE


def _union(*sources: str | Iterable[str] | None) -> frozenset[str]:
    values: set[str] = set()
    for source in sources:
        values.update([source] if isinstance(source, str) else source or ())
    return frozenset(value for value in values if value)
