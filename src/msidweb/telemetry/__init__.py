"""What happened, as records; standard logging and every hook hear of it."""

from .correlation import correlation_id, correlation_scope, current_correlation_id
from .events import (
    ApiOpenedLate,
    ChallengeAnswered,
    ConfigurationNoted,
    CredentialFailed,
    CredentialLoaded,
    CredentialNoted,
    CredentialReloaded,
    DownstreamCalled,
    Event,
    HeaderDropped,
    KeysRefreshed,
    KeysRefreshFailed,
    RefreshAheadFailed,
    TokenAcquired,
    TokenAcquisitionFailed,
    TokenRejected,
    TokenValidated,
    TransportChosen,
)
from .hooks import Hook, Telemetry
from .logs import LogHook
from .redaction import redact, redact_processor

__all__ = [
    "ApiOpenedLate",
    "ChallengeAnswered",
    "ConfigurationNoted",
    "CredentialFailed",
    "CredentialLoaded",
    "CredentialNoted",
    "CredentialReloaded",
    "DownstreamCalled",
    "Event",
    "HeaderDropped",
    "Hook",
    "KeysRefreshFailed",
    "KeysRefreshed",
    "LogHook",
    "RefreshAheadFailed",
    "Telemetry",
    "TokenAcquired",
    "TokenAcquisitionFailed",
    "TokenRejected",
    "TokenValidated",
    "TransportChosen",
    "correlation_id",
    "correlation_scope",
    "current_correlation_id",
    "redact",
    "redact_processor",
]
