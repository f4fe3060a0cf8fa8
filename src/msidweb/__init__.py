"""Microsoft.Identity.Web for Python.

identity = (
    IdentityBuilder.from_appsettings()
    .add_microsoft_identity_web_api("AzureAd")
    .enable_token_acquisition()
    .add_in_memory_token_caches()
    .add_downstream_apis("DownstreamApis")
    .build()
)
"""

from msidweb.acquisition import AuthorizationHeaderProvider, TokenAcquirer
from msidweb.builder import IdentityBuilder
from msidweb.configuration import (
    AcquireTokenOptions,
    CertificateWithKey,
    Configuration,
    CredentialDescription,
    DownstreamApiOptions,
    HttpClientOptions,
    IdentityOptions,
    MicrosoftIdentityOptions,
)
from msidweb.container import IdentityContainer
from msidweb.downstream import DownstreamApi, NamedDownstreamApi
from msidweb.errors import (
    AuthenticationError,
    AuthorizationError,
    BlockingCallError,
    ConfigurationError,
    DownstreamApiError,
    InvalidCallError,
    MsidwebError,
    TokenAcquisitionError,
    UserChallengeError,
)
from msidweb.health import HealthReport, HealthStatus
from msidweb.identity import Identity
from msidweb.principal import Principal, ambient_principal
from msidweb.tokens import AcquiredToken
from msidweb.validation import Requirement, TokenValidator

__all__ = [
    "AcquireTokenOptions",
    "AcquiredToken",
    "AuthenticationError",
    "AuthorizationError",
    "AuthorizationHeaderProvider",
    "BlockingCallError",
    "CertificateWithKey",
    "Configuration",
    "ConfigurationError",
    "CredentialDescription",
    "DownstreamApi",
    "DownstreamApiError",
    "DownstreamApiOptions",
    "HealthReport",
    "HealthStatus",
    "HttpClientOptions",
    "Identity",
    "IdentityBuilder",
    "IdentityContainer",
    "IdentityOptions",
    "InvalidCallError",
    "MicrosoftIdentityOptions",
    "MsidwebError",
    "NamedDownstreamApi",
    "Principal",
    "Requirement",
    "TokenAcquirer",
    "TokenAcquisitionError",
    "TokenValidator",
    "UserChallengeError",
    "ambient_principal",
]
