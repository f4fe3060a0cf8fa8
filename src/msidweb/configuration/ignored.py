"""The .NET keys that a shared appsettings.json may hold and that have no effect here.

Left out on purpose, and so refused: keys that tighten a check (ValidAlgorithms, ValidTypes,
ValidateTokenReplay) or choose another authority (AzureCloudInstance). Skipping those would weaken
what their author asked for (3.28). Switches that weaken a check are here: the check stays on.
"""

from __future__ import annotations

_WEB_APP_KEYS = frozenset(
    {
        "AccessDeniedPath",
        "CallbackPath",
        "EditProfilePolicyId",
        "ErrorPath",
        "GetClaimsFromUserInfoEndpoint",
        "MaxAge",
        "Prompt",
        "RedirectUri",
        "RemoteAuthenticationTimeout",
        "RemoteSignOutPath",
        "ResetPasswordPath",
        "ResetPasswordPolicyId",
        "Resource",
        "ResponseMode",
        "ResponseType",
        "ReturnUrlParameter",
        "SaveTokens",
        "Scope",
        "SignInScheme",
        "SignOutScheme",
        "SignedOutCallbackPath",
        "SignedOutRedirectUri",
        "SkipUnrecognizedRequests",
        "UsePkce",
        "UseTokenLifetime",
        "WithSpaAuthCode",
    }
)

_JWT_BEARER_KEYS = frozenset(
    {
        "AutomaticRefreshInterval",
        "BackchannelTimeout",
        "Challenge",
        "ClaimsIssuer",
        "ForwardAuthenticate",
        "ForwardChallenge",
        "ForwardDefault",
        "ForwardForbid",
        "ForwardSignIn",
        "ForwardSignOut",
        "IncludeErrorDetails",
        "MapInboundClaims",
        "MetadataAddress",
        "RefreshInterval",
        "RefreshOnIssuerKeyNotFound",
        "RequireHttpsMetadata",
        "SaveToken",
        "UseSecurityTokenValidators",
    }
)

_MSAL_KEYS = frozenset(
    {
        "ClientName",
        "ClientVersion",
        "EnableCacheSynchronization",
        "IsDefaultPlatformLoggingEnabled",
        "LegacyCacheCompatibilityEnabled",
        "LogLevel",
        "PartitionAppTokenCacheByAudience",
        "UseFastUnboundedCache",
    }
)

MICROSOFT_IDENTITY_KEYS = _WEB_APP_KEYS | _JWT_BEARER_KEYS | _MSAL_KEYS
"""Of the ``AzureAd`` section, which .NET binds onto four option classes."""

TOKEN_VALIDATION_KEYS = frozenset(
    {
        "AuthenticationType",
        "IgnoreTrailingSlashWhenValidatingAudience",
        "IncludeTokenOnFailedValidation",
        "LogTokenId",
        "LogValidationExceptions",
        "NameClaimType",
        "RefreshBeforeValidation",
        "RequireAudience",
        "RequireExpirationTime",
        "RequireSignedTokens",
        "RoleClaimType",
        "SaveSigninToken",
        "TryAllIssuerSigningKeys",
        "ValidateActor",
        "ValidateAudience",
        "ValidateIssuer",
        "ValidateIssuerSigningKey",
        "ValidateLifetime",
        "ValidateSignatureLast",
    }
)
"""Of ``TokenValidationParameters``."""

DOWNSTREAM_API_KEYS = frozenset(
    {"CustomizeHttpRequestMessage", "OnAfterAuthHeaderCreation", "OnBeforeAuthHeaderCreation"}
)
"""Of one downstream API: delegates, which .NET cannot read from a file either."""
