"""What happened, as records; standard logging and every hook hear of it."""

from .correlation import (
    correlation_context,
    correlation_id,
    correlation_scope,
    current_correlation_id,
)
from .events import (
    ApiOpenedLate,
    CallerEvent,
    ChallengeAnswered,
    ConfigurationNoted,
    CredentialLoaded,
    DownstreamCalled,
    Event,
    HeaderDropped,
    KeysRefreshed,
    KeysRefreshFailed,
    RefreshAheadFailed,
    RequestFailed,
    RequestRefused,
    TokenAcquired,
    TokenAcquisitionFailed,
    TokenRejected,
    TokenValidated,
    TransportChosen,
)
from .hooks import Hook, Telemetry
from .naming import CallerNames, names_of
from .redaction import redact, redact_processor

__all__ = [
    "ApiOpenedLate",
    "CallerEvent",
    "CallerNames",
    "ChallengeAnswered",
    "ConfigurationNoted",
    "CredentialLoaded",
    "DownstreamCalled",
    "Event",
    "HeaderDropped",
    "Hook",
    "KeysRefreshFailed",
    "KeysRefreshed",
    "RefreshAheadFailed",
    "RequestFailed",
    "RequestRefused",
    "Telemetry",
    "TokenAcquired",
    "TokenAcquisitionFailed",
    "TokenRejected",
    "TokenValidated",
    "TransportChosen",
    "correlation_context",
    "correlation_id",
    "correlation_scope",
    "current_correlation_id",
    "names_of",
    "redact",
    "redact_processor",
]
