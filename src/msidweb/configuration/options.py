"""The options, with the names and defaults of Microsoft.Identity.Web.

Every field has its .NET name in PascalCase as an alias, so an appsettings.json of a .NET team is
read unchanged. Secrets are :class:`pydantic.SecretStr` and are shown nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Literal, NoReturn, TypeAlias

from pydantic import AfterValidator, AliasChoices, Field, SecretStr
from pydantic_core import PydanticCustomError

from .credential import CredentialDescription, ManagedIdentityCredentialOptions, SourceType
from .fields import Seconds, Texts, Words
from .ignored import DOWNSTREAM_API_KEYS, MICROSOFT_IDENTITY_KEYS, TOKEN_VALIDATION_KEYS
from .model import Options


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
    claims: str | None = Field(default=None, repr=False)
    force_refresh: bool = False
    extra_query_parameters: dict[str, str] | None = Field(default=None, repr=False)
    extra_headers_parameters: dict[str, str] | None = Field(default=None, repr=False)
    extra_parameters: dict[str, Any] | None = Field(default=None, repr=False)
    session_key: str | None = Field(
        default=None,
        repr=False,
        alias="LongRunningWebApiSessionKey",
        validation_alias=AliasChoices("LongRunningWebApiSessionKey", "SessionKey"),
    )
    managed_identity: ManagedIdentityOptions | None = None
    fmi_path: str | None = None
    pop_public_key: str | None = None
    pop_claim: str | None = None


def _verb(text: str) -> str:
    return text.strip().upper() or "GET"


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
        allow_encoded_slash: Let ``%2F`` and ``%5C`` stand in paths, as OData keys may need.
        serializer: Turns ``json=`` into ``(body, content type)``, or into the body alone.
        deserializer: Turns the ``httpx.Response`` into the result.
        customize_request: Called with the request last of all, besides those of the builder.
        on_before_auth_header: Called with the request before a token is asked for.
        on_after_auth_header: Called with the request that has its Authorization field.
    """

    base_url: str | None = None
    relative_path: str = ""
    http_method: Annotated[str, AfterValidator(_verb)] = "GET"
    scopes: Words | None = None
    acquire_token_options: AcquireTokenOptions = Field(default_factory=AcquireTokenOptions)
    protocol_scheme: str = "Bearer"
    request_app_token: bool = False
    accept_header: str = "application/json"
    content_type: str = "application/json"
    extra_header_parameters: dict[str, str] | None = Field(default=None, repr=False)
    extra_query_parameters: dict[str, str] | None = Field(default=None, repr=False)
    http_client_name: str | None = None
    allow_encoded_slash: bool = False
    serializer: Callable[[Any], Any] | None = Field(default=None, exclude=True)
    deserializer: Callable[[Any], Any] | None = Field(default=None, exclude=True)
    customize_request: Callable[[Any], object] | None = Field(default=None, exclude=True)
    on_before_auth_header: Callable[[Any], object] | None = Field(default=None, exclude=True)
    on_after_auth_header: Callable[[Any], object] | None = Field(default=None, exclude=True)

    ignored_keys: ClassVar[frozenset[str]] = DOWNSTREAM_API_KEYS


Transport: TypeAlias = Literal["auto", "httpx", "aiohttp"]


_NO_TRANSPORT: Final = "must be auto, httpx, aiohttp or an httpx.AsyncBaseTransport"


def _transport(value: object) -> object:
    named = isinstance(value, str) and value in ("auto", "httpx", "aiohttp")
    if named or hasattr(value, "handle_async_request"):
        return value
    raise PydanticCustomError("transport", _NO_TRANSPORT)


def _verbs(texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


class HttpClientOptions(Options):
    """One named HTTP client.

    Attributes:
        timeout: Seconds for a whole call, answer included; None waits for ever.
        connect_timeout: Seconds to connect.
        read_timeout: Longest silence of the peer, seconds.
        write_timeout: Longest stall while sending, seconds.
        pool_timeout: Longest wait for a free connection, seconds; counts in ``timeout``.
        max_connections: Connections, and so requests, at one time; a request keeps its place until
            its answer is read or closed.
        max_keepalive_connections: Idle connections kept.
        keepalive_expiry: Seconds an idle connection is kept.
        retries: How often a downstream call is repeated at most; 0 repeats none.
        retry_methods: Verbs that are repeated.
        retry_budget: Share of a repeat that each call earns.
        retry_reserve: Repeats to begin with, and the most that are ever kept.
        proxy: Proxy URL; the environment's proxies are not used.
        ca_file: PEM file of the certificate authorities trusted, instead of the system's.
        client_certificate_file: PEM file shown to the peer.
        client_key_file: Its private key.
        transport: ``auto``, ``aiohttp``, ``httpx``, or an ``httpx.AsyncBaseTransport``.
    """

    timeout: Seconds | None = Field(default=100.0, gt=0)
    connect_timeout: Seconds = Field(default=10.0, gt=0)
    read_timeout: Seconds | None = Field(default=None, gt=0)
    write_timeout: Seconds | None = Field(default=None, gt=0)
    pool_timeout: Seconds = Field(default=10.0, gt=0)
    max_connections: int = Field(default=100, ge=1)
    max_keepalive_connections: int = Field(default=20, ge=0)
    keepalive_expiry: Seconds = Field(default=30.0, ge=0)
    retries: int = Field(default=0, ge=0, le=10)
    retry_methods: Annotated[Words, AfterValidator(_verbs)] = Field(
        default_factory=lambda: ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]
    )
    retry_budget: float = Field(default=0.1, ge=0, le=1, allow_inf_nan=False)
    retry_reserve: int = Field(default=10, ge=0)
    proxy: SecretStr | None = None
    ca_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None
    transport: Annotated[Any, AfterValidator(_transport)] = "auto"


ENTRA_CLIENT = "Entra"
"""Reserved name of the HTTP client that carries metadata, key and token requests."""


class TokenValidationOptions(Options):
    """.NET: the parts of TokenValidationParameters that are offered.

    Attributes:
        clock_skew: Seconds by which clocks may differ, or a .NET TimeSpan; at most 300.
    """

    valid_audience: str | None = None
    valid_audiences: Texts | None = None
    valid_issuer: str | None = None
    valid_issuers: Texts | None = None
    clock_skew: Seconds = Field(default=300.0, ge=0, le=300)

    ignored_keys: ClassVar[frozenset[str]] = TOKEN_VALIDATION_KEYS


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
    audiences: Texts | None = None
    token_validation_parameters: TokenValidationOptions = Field(
        default_factory=TokenValidationOptions
    )
    allow_web_api_to_be_authorized_by_acl: bool = Field(
        default=False, alias="AllowWebApiToBeAuthorizedByACL"
    )
    allowed_client_applications: Texts | None = None
    allowed_tenants: Texts | None = None
    allow_user_roles_without_scope: bool = False
    client_credentials: list[CredentialDescription] | None = None
    client_secret: SecretStr | None = None
    client_credentials_using_managed_identity: ManagedIdentityCredentialOptions | None = None
    client_certificates: list[CredentialDescription] | None = None
    token_decryption_credentials: list[CredentialDescription] | None = None
    token_decryption_certificates: list[CredentialDescription] | None = None
    send_x5c: bool = Field(default=False, alias="SendX5C")
    azure_region: str | None = None
    client_capabilities: Texts | None = None
    app_home_tenant_id: str | None = None
    extra_query_parameters: dict[str, str] | None = Field(default=None, repr=False)
    enable_pii_logging: bool = False
    user_assigned_managed_identity_client_id: str | None = None
    domain: str | None = None
    sign_up_sign_in_policy_id: str | None = None
    scopes: Words | None = None
    app_permissions: Words | None = None
    maximum_token_size: int = Field(default=65_536, ge=1_024, le=256_000)
    known_authority_hosts: Texts | None = None

    ignored_keys: ClassVar[frozenset[str]] = MICROSOFT_IDENTITY_KEYS

    @property
    def effective_credentials(self) -> list[CredentialDescription]:
        """The client credentials in the order in which they are tried; empty for none.

        ClientCredentials alone where given, else the older forms in .NET's order:
        ClientCredentialsUsingManagedIdentity, ClientCertificates, ClientSecret.
        """
        if self.client_credentials:
            return list(self.client_credentials)
        older: list[CredentialDescription] = []
        identity = self.client_credentials_using_managed_identity
        if identity is not None and identity.is_enabled:
            older.append(
                CredentialDescription(
                    source_type=SourceType.SIGNED_ASSERTION_FROM_MANAGED_IDENTITY,
                    managed_identity_client_id=identity.managed_identity_client_id,
                )
            )
        older += self.client_certificates or []
        if self.client_secret is not None:
            older.append(
                CredentialDescription(
                    source_type=SourceType.CLIENT_SECRET, client_secret=self.client_secret
                )
            )
        return older

    def __reduce__(self) -> NoReturn:
        raise TypeError("Options that may hold a secret are not written out by pickle.")


class MemoryCacheOptions(Options):
    """The in-process cache, as .NET names it. .NET: MemoryCacheOptions."""

    size_limit: int | None = Field(default=None, ge=0)

    ignored_keys: ClassVar[frozenset[str]] = frozenset(
        {"CompactionPercentage", "ExpirationScanFrequency", "TrackLinkedCacheEntries"}
    )


class TokenCacheOptions(Options):
    """Token caches. .NET: MsalMemoryTokenCacheOptions, MsalDistributedTokenCacheAdapterOptions.

    Attributes:
        l1_size_limit: Budget of the in-process cache, bytes.
        l1_cache_options: .NET's place for the same number; it wins where given.
        disable_l1_cache: Keep nothing in the process.
    """

    l1_size_limit: int = Field(default=64 * 1024 * 1024, ge=0)
    l1_cache_options: MemoryCacheOptions | None = None
    disable_l1_cache: bool = False

    ignored_keys: ClassVar[frozenset[str]] = frozenset(
        {
            "AbsoluteExpirationRelativeToNow",
            "EnableAsyncL2Write",
            "L1ExpirationTimeRatio",
            "OnL2CacheFailure",
            "SlidingExpiration",
        }
    )

    @property
    def effective_l1_size_limit(self) -> int:
        """Bytes that the in-process cache may take; 0 when it is off."""
        if self.disable_l1_cache:
            return 0
        given = self.l1_cache_options
        if given is not None and given.size_limit is not None:
            return given.size_limit
        return self.l1_size_limit


class SchemeOptions(Options):
    """One authentication scheme.

    Attributes:
        web_api: The application and its authority.
        enable_token_acquisition: Whether tokens are acquired for the callers of this scheme.
    """

    web_api: MicrosoftIdentityOptions = Field(default_factory=MicrosoftIdentityOptions)
    enable_token_acquisition: bool = False


class IdentityOptions(Options):
    """Everything that a build needs, typed.

    Attributes:
        web_api: The application and its authority, of the default scheme.
        downstream_apis: Named APIs.
        http_clients: Named HTTP clients; ``"Entra"`` is ours.
        token_cache: The caches.
        enable_token_acquisition: Whether tokens are acquired at all, in the default scheme.
        scheme: Name of the default authentication scheme.
        schemes: The schemes beside it, by their names.
        environment: ``Production``, ``Development`` …
    """

    web_api: MicrosoftIdentityOptions = Field(default_factory=MicrosoftIdentityOptions)
    downstream_apis: dict[str, DownstreamApiOptions] = Field(default_factory=dict)
    http_clients: dict[str, HttpClientOptions] = Field(default_factory=dict)
    token_cache: TokenCacheOptions = Field(default_factory=TokenCacheOptions)
    enable_token_acquisition: bool = False
    scheme: str = "Bearer"
    schemes: dict[str, SchemeOptions] = Field(default_factory=dict)
    environment: str = "Production"

    @property
    def all_schemes(self) -> dict[str, SchemeOptions]:
        """Every scheme by its name, the default one first."""
        default = SchemeOptions(
            web_api=self.web_api, enable_token_acquisition=self.enable_token_acquisition
        )
        return {self.scheme: default, **self.schemes}
