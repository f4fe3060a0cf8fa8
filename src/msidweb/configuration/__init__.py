"""From appsettings.json, the environment and keywords to typed options."""

from .binding import WHOLE, Draft, bind, draft, validation_problems
from .checks import Place, check_downstream_api, check_http_client, check_web_api
from .configuration import Configuration, Section
from .credential import (
    CertificateWithKey,
    CredentialDescription,
    ManagedIdentityCredentialOptions,
    SourceType,
)
from .editing import edit
from .explain import explain
from .model import Options
from .options import (
    ENTRA_CLIENT,
    AcquireTokenOptions,
    DownstreamApiOptions,
    HttpClientOptions,
    IdentityOptions,
    ManagedIdentityOptions,
    MemoryCacheOptions,
    MicrosoftIdentityOptions,
    SchemeOptions,
    TokenCacheOptions,
    TokenValidationOptions,
    Transport,
)
from .reading import Entry
from .recipe import Recipe
from .settings_source import ConfigurationSource

__all__ = [
    "ENTRA_CLIENT",
    "WHOLE",
    "AcquireTokenOptions",
    "CertificateWithKey",
    "Configuration",
    "ConfigurationSource",
    "CredentialDescription",
    "DownstreamApiOptions",
    "Draft",
    "Entry",
    "HttpClientOptions",
    "IdentityOptions",
    "ManagedIdentityCredentialOptions",
    "ManagedIdentityOptions",
    "MemoryCacheOptions",
    "MicrosoftIdentityOptions",
    "Options",
    "Place",
    "Recipe",
    "SchemeOptions",
    "Section",
    "SourceType",
    "TokenCacheOptions",
    "TokenValidationOptions",
    "Transport",
    "bind",
    "check_downstream_api",
    "check_http_client",
    "check_web_api",
    "draft",
    "edit",
    "explain",
    "validation_problems",
]
