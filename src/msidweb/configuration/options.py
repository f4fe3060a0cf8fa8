"""The options, with the names and defaults of Microsoft.Identity.Web.

Every field has its .NET name in PascalCase as an alias, so an appsettings.json of a .NET team is
read unchanged. Secrets are :class:`pydantic.SecretStr` and are shown nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict, Field, SecretStr


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class Options(BaseModel):
    """Root of the option models: PascalCase aliases, no unknown names, no input in errors."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(alias=_pascal),
        populate_by_name=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_assignment=True,
        arbitrary_types_allowed=True,
    )

    #: .NET keys that are accepted and have no effect here.
    ignored_keys: ClassVar[frozenset[str]] = frozenset()


class CredentialDescription(Options):
    """How the application proves who it is. .NET: CredentialDescription."""

    source_type: str = "Certificate"
    client_secret: SecretStr | None = None
    key_vault_url: str | None = None
    key_vault_certificate_name: str | None = None
    certificate_store_path: str | None = None
    certificate_thumbprint: str | None = None
    certificate_distinguished_name: str | None = None
    certificate_subject_name: str | None = None
    certificate_disk_path: str | None = None
    certificate_password: SecretStr | None = None
    base64_encoded_value: SecretStr | None = None
    managed_identity_client_id: str | None = None
    token_exchange_url: str | None = None
    token_exchange_authority: str | None = None
    signed_assertion_file_disk_path: str | None = None
    custom_signed_assertion_provider_name: str | None = None
    custom_signed_assertion_provider_data: dict[str, Any] | None = None
    skip: bool = False

    ignored_keys: ClassVar[frozenset[str]] = frozenset(
        {"Id", "Algorithm", "UseBoundCredential", "DecryptKeysAuthenticationOptions"}
    )


class ManagedIdentityOptions(Options):
    """Which managed identity. .NET: ManagedIdentityOptions."""

    user_assigned_client_id: str | None = None


class AcquireTokenOptions(Options):
    """What one acquisition asks for beyond its scopes. .NET: AcquireTokenOptions.

    Attributes:
        tenant: Tenant to ask, instead of the user's or the configured one.
        claims: Claims request as JSON; skips the cache.
        force_refresh: Skip the cache.
        correlation_id: Sent as ``client-request-id``.
        extra_query_parameters: Added to the token endpoint's query.
        extra_headers_parameters: Added to the token request's headers.
        session_key: Long-running session; .NET: LongRunningWebApiSessionKey.
        authentication_options_name: Scheme whose credentials are used.
    """

    SESSION_KEY_AUTO: ClassVar[str] = "AllocateForMe"
    LONG_RUNNING_WEB_API_SESSION_KEY_AUTO: ClassVar[str] = "AllocateForMe"

    authentication_options_name: str | None = None
    correlation_id: str | None = None
    tenant: str | None = None
    user_flow: str | None = None
    claims: str | None = None
    force_refresh: bool = False
    extra_query_parameters: dict[str, str] | None = None
    extra_headers_parameters: dict[str, str] | None = None
    extra_parameters: dict[str, Any] | None = None
    session_key: str | None = Field(
        default=None,
        repr=False,
        validation_alias=AliasChoices("LongRunningWebApiSessionKey", "SessionKey"),
    )
    managed_identity: ManagedIdentityOptions | None = None
    fmi_path: str | None = None
    pop_public_key: str | None = None
    pop_claim: str | None = None


class DownstreamApiOptions(Options):
    """One downstream API. .NET: DownstreamApiOptions.

    Attributes:
        base_url: Root of the API; https, or http on loopback.
        relative_path: Path below it; may hold a query.
        scopes: What its token must allow; none means calls without a token.
        http_method: Verb of ``call_api``; the verb in a method's name wins.
        request_app_token: ``call_api`` asks for the application's token, not the user's.
        accept_header: Accept field; an empty text sends none.
        content_type: Content type of text and bytes bodies.
        extra_header_parameters: Headers added to every request.
        extra_query_parameters: Query parameters added to every request.
        http_client_name: Named HTTP client; the API's own name where that is registered.
        serializer: Turns the input into ``(bytes, content type)``.
        deserializer: Turns the ``httpx.Response`` into the result.
    """

    base_url: str | None = None
    relative_path: str = ""
    http_method: str = "GET"
    scopes: list[str] | None = None
    acquire_token_options: AcquireTokenOptions = Field(default_factory=AcquireTokenOptions)
    protocol_scheme: str = "Bearer"
    request_app_token: bool = False
    accept_header: str = "application/json"
    content_type: str = "application/json"
    extra_header_parameters: dict[str, str] | None = None
    extra_query_parameters: dict[str, str] | None = None
    http_client_name: str | None = None
    serializer: Callable[[Any], tuple[bytes, str]] | None = Field(default=None, exclude=True)
    deserializer: Callable[[Any], Any] | None = Field(default=None, exclude=True)


Transport = Literal["auto", "httpx", "aiohttp"]


class HttpClientOptions(Options):
    """One named HTTP client.

    Attributes:
        timeout: Seconds for a whole call, answer included; None waits for ever.
        connect_timeout: Seconds to connect.
        read_timeout: Longest silence of the peer, seconds.
        write_timeout: Longest stall while sending, seconds.
        pool_timeout: Longest wait for a free connection, seconds.
        max_connections: Connections at one time.
        max_keepalive_connections: Idle connections kept.
        keepalive_expiry: Seconds an idle connection is kept.
        proxy: Proxy URL; the environment's proxies are not used.
        ca_file: PEM file of the certificate authorities trusted, instead of the system's.
        client_certificate_file: PEM file shown to the peer.
        client_key_file: Its private key.
        transport: ``auto``, ``aiohttp``, ``httpx``, or an ``httpx.AsyncBaseTransport``.
    """

    timeout: float | None = 100.0
    connect_timeout: float = 10.0
    read_timeout: float | None = None
    write_timeout: float | None = None
    pool_timeout: float = 10.0
    max_connections: int = 100
    max_keepalive_connections: int = 20
    keepalive_expiry: float = 30.0
    proxy: SecretStr | None = None
    ca_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None
    transport: Transport | Any = "auto"


ENTRA_CLIENT = "Entra"
"""Reserved name of the HTTP client that carries metadata, key and token requests."""


class TokenValidationOptions(Options):
    """.NET: the parts of TokenValidationParameters that are offered."""

    valid_audience: str | None = None
    valid_audiences: list[str] | None = None
    valid_issuer: str | None = None
    valid_issuers: list[str] | None = None
    clock_skew: float = Field(default=300.0, ge=0, le=300)

    ignored_keys: ClassVar[frozenset[str]] = frozenset({"NameClaimType", "RoleClaimType"})


class MicrosoftIdentityOptions(Options):
    """The ``AzureAd`` section. .NET: MicrosoftIdentityOptions and its relatives.

    Attributes:
        instance: Login host, ``https://login.microsoftonline.com/`` where nothing is given.
        tenant_id: Tenant id or domain, ``common``, ``organizations`` or ``consumers``.
        client_id: Application (client) id of the API.
        authority: Instance, tenant and ``/v2.0`` in one; taken apart.
        audience: An accepted ``aud``; replaces the derived ones.
        audiences: More accepted audiences.
        allowed_tenants: Tenants whose tokens are accepted; empty accepts all of the authority's.
        allowed_client_applications: Client ids that may call under AllowWebApiToBeAuthorizedByACL.
        scopes: Values for required scopes taken from configuration.
        app_permissions: Values for required app roles taken from configuration.
        maximum_token_size: Longest token looked at, bytes.
    """

    instance: str | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    authority: str | None = None
    name: str | None = None
    audience: str | None = None
    audiences: list[str] | None = None
    token_validation_parameters: TokenValidationOptions = Field(
        default_factory=TokenValidationOptions
    )
    allow_web_api_to_be_authorized_by_acl: bool = Field(
        default=False, alias="AllowWebApiToBeAuthorizedByACL"
    )
    allowed_client_applications: list[str] | None = None
    allowed_tenants: list[str] | None = None
    allow_user_roles_without_scope: bool = False
    client_credentials: list[CredentialDescription] | None = None
    client_secret: SecretStr | None = None
    client_certificates: list[CredentialDescription] | None = None
    token_decryption_credentials: list[CredentialDescription] | None = None
    token_decryption_certificates: list[CredentialDescription] | None = None
    send_x5c: bool = Field(default=False, alias="SendX5C")
    azure_region: str | None = None
    client_capabilities: list[str] | None = None
    app_home_tenant_id: str | None = None
    extra_query_parameters: dict[str, str] | None = None
    enable_pii_logging: bool = False
    user_assigned_managed_identity_client_id: str | None = None
    domain: str | None = None
    sign_up_sign_in_policy_id: str | None = None
    scopes: list[str] | None = None
    app_permissions: list[str] | None = None
    maximum_token_size: int = Field(default=65_536, ge=1_024, le=256_000)
    known_authority_hosts: list[str] | None = None

    ignored_keys: ClassVar[frozenset[str]] = frozenset(
        {
            "AutomaticRefreshInterval",
            "BackchannelTimeout",
            "CallbackPath",
            "ClientCredentialsUsingManagedIdentity",
            "ClientName",
            "ClientVersion",
            "EditProfilePolicyId",
            "EnableCacheSynchronization",
            "ErrorPath",
            "LegacyCacheCompatibilityEnabled",
            "LogLevel",
            "MapInboundClaims",
            "MetadataAddress",
            "PartitionAppTokenCacheByAudience",
            "RedirectUri",
            "RefreshInterval",
            "RequireHttpsMetadata",
            "ResetPasswordPath",
            "ResetPasswordPolicyId",
            "ResponseType",
            "Scope",
            "SignedOutCallbackPath",
            "UseFastUnboundedCache",
            "WithSpaAuthCode",
        }
    )


class TokenCacheOptions(Options):
    """Token caches. .NET: MsalMemoryTokenCacheOptions, MsalDistributedTokenCacheAdapterOptions.

    Attributes:
        l1_size_limit: Budget of the in-process cache, bytes.
    """

    l1_size_limit: int = Field(default=64 * 1024 * 1024, ge=0)


class IdentityOptions(Options):
    """Everything that a build needs, typed.

    Attributes:
        web_api: The application and its authority.
        downstream_apis: Named APIs.
        http_clients: Named HTTP clients; ``"Entra"`` is ours.
        token_cache: The caches.
        enable_token_acquisition: Whether tokens are acquired at all.
        scheme: Name of the authentication scheme.
        environment: ``Production``, ``Development`` …
    """

    web_api: MicrosoftIdentityOptions = Field(default_factory=MicrosoftIdentityOptions)
    downstream_apis: dict[str, DownstreamApiOptions] = Field(default_factory=dict)
    http_clients: dict[str, HttpClientOptions] = Field(default_factory=dict)
    token_cache: TokenCacheOptions = Field(default_factory=TokenCacheOptions)
    enable_token_acquisition: bool = False
    scheme: str = "Bearer"
    environment: str = "Production"


Overrides = Mapping[str, Any]
